/** Adapters with random values, as directories. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AdapterFiles } from '../../engine/adapters/adapter-files.ts'
import { loraAdapter } from '../../engine/adapters/lora.ts'
import { prefixFiles } from '../../engine/adapters/prefix-files.ts'
import type { Model } from '../../engine/models/model.ts'
import { Random } from '../../engine/random.ts'

export function randomPrefix(model: Model, tokens: number, seed: number): AdapterFiles {
  const random = new Random(seed)
  const rows = () =>
    Array.from({ length: model.layers }, () => random.normal(tokens * model.kvHeads * model.headDim, 1))
  return prefixFiles(model, 'bench', { tokens, keys: rows(), values: rows() })
}

/** Rank 8 on queries and values. */
export function randomLora(model: Model, seed: number): Promise<AdapterFiles> {
  const adapter = loraAdapter(model, 'bench', {
    ...{ peft_type: 'LORA', r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: ['q_proj', 'v_proj'] },
    ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
  })
  const parameters = adapter.init(seed)
  // Training starts with B at zero, which adds nothing.
  const random = new Random(seed)
  for (const { data } of parameters.values()) data.set(random.normal(data.length, 0.02))
  return adapter.files(parameters)
}

export function write(directory: string, files: AdapterFiles): string {
  mkdirSync(directory, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
  return directory
}
