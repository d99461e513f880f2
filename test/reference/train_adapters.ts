/** Trains a prefix, a LoRA and all weights of each family's base and writes them to fixtures/trained/, for check_trained.py to open. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Adapter } from '../../engine/adapters/adapter.ts'
import { fullAdapter } from '../../engine/adapters/full.ts'
import { type LoraTuning, loraAdapter } from '../../engine/adapters/lora.ts'
import { prefixAdapter } from '../../engine/adapters/prefix.ts'
import { weightShapes } from '../../engine/models/weight-shapes.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { open, samplesOf } from '../reference.case.ts'
import { families, familyReference } from './load.ts'

const steps = 8
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 }
const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 5, prefix_projection: true } as const
const lora: LoraTuning = {
  peft_type: 'LORA',
  r: 4,
  lora_alpha: 12,
  lora_dropout: 0.1,
  target_modules: 'all-linear',
  use_rslora: true,
  rank_pattern: { 'layers.1.self_attn.q_proj': 2 },
  alpha_pattern: { down_proj: 4 },
}

for (const name of families) {
  const { model, base, checkpoint, full } = open(familyReference(name))
  const longest = Math.max(...full.batch.tokens.map((row) => row.length))
  const methods: Record<string, Adapter> = {
    full: fullAdapter(checkpoint, weightShapes(model)),
    prefix: prefixAdapter(model, name, prefix),
    lora: loraAdapter(model, name, lora),
  }
  for (const [kind, adapter] of Object.entries(methods)) {
    if (name === 'chatglm' && kind !== 'prefix') continue // nothing there opens its modules
    const parameters = adapter.init(7)
    const setup = { model, base, adapter, parameters, optimizer, maxGradNorm: 1, longest, seed: 7 }
    await using trainer = await Trainer.open(setup)
    for (let step = 0; step < steps; step++)
      await trainer.step([samplesOf(full.batch)], kind === 'full' ? 1e-2 : 3e-2)
    const directory = join(import.meta.dirname, 'fixtures', 'trained', name, kind)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    for (const [file, bytes] of Object.entries(await adapter.files(parameters)))
      writeFileSync(join(directory, file), bytes)
  }
}
