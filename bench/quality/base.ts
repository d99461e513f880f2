/** The base: a small Llama whose weights are all trained here, from random ones, to do each skill when it is told to. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fullAdapter } from '../../engine/adapters/full.ts'
import { openModel } from '../../engine/models/open.ts'
import { weightShapes } from '../../engine/models/weight-shapes.ts'
import { learningRateAt } from '../../engine/optim/schedule.ts'
import { Random } from '../../engine/random.ts'
import { inBatches } from '../../engine/training/batch.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { frozen } from '../../engine/weights/frozen.ts'
import { writeInitialCheckpoint } from '../../engine/weights/initial.ts'
import { inputsBut, longestSample, promptOf, sampleOf, skillNames, skills, vocabulary } from './skills.ts'

const config = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' },
  ...{ hidden_size: 128, intermediate_size: 352, num_hidden_layers: 4 },
  ...{ num_attention_heads: 4, num_key_value_heads: 4, head_dim: 32 },
  ...{ vocab_size: vocabulary, tie_word_embeddings: false, max_position_embeddings: 128 },
  ...{ rms_norm_eps: 1e-6, rope_theta: 10_000, torch_dtype: 'float32' },
}
const [steps, batch] = [1500, 64]
const schedule = { type: 'cosine', learningRate: 2e-3, warmupSteps: 50, steps } as const

/** Teaches it on inputs other than `heldOut`, and writes it to `directory`. */
export async function teachBase(
  directory: string,
  heldOut: readonly (readonly number[])[],
  seed: number,
): Promise<void> {
  const untaught = mkdtempSync(join(tmpdir(), 'preamble-untaught-'))
  try {
    writeInitialCheckpoint(untaught, config, seed)
    const model = openModel(untaught)
    const checkpoint = openCheckpoint(untaught)
    const adapter = fullAdapter(checkpoint, weightShapes(model))
    const parameters = adapter.init(seed)
    await using trainer = await Trainer.open({
      ...{ model, base: { weight: frozen(checkpoint) }, adapter, parameters },
      optimizer: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.01 },
      ...{ maxGradNorm: 1, longest: longestSample },
    })
    for (const [step, samples] of inBatches(lessons(heldOut, seed), batch).entries()) {
      const { loss } = await trainer.step([samples], learningRateAt(schedule, step))
      if ((step + 1) % 300 === 0) console.log(`base: step ${step + 1} of ${steps}, loss ${loss.toFixed(4)}`)
    }
    for (const [name, bytes] of Object.entries(await adapter.files(parameters)))
      writeFileSync(join(directory, name), bytes)
  } finally {
    rmSync(untaught, { recursive: true })
  }
}

/** Every input once; the skills, and repeating without instruction, in turn. */
function lessons(heldOut: readonly (readonly number[])[], seed: number) {
  const inputs = inputsBut(heldOut, steps * batch, new Random(seed))
  return inputs.map((input, i) => {
    const skill = skillNames[i % (skillNames.length + 1)]
    return sampleOf(promptOf(input, skill), skill ? skills[skill](input) : input)
  })
}
