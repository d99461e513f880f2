/** Does the run of a directory with this engine and prints its report: `here.ts DIRECTORY CHECKPOINTING`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Parameters } from '../../engine/adapters/adapter.ts'
import { readAdapter } from '../../engine/adapters/peft.ts'
import { prefixAdapter } from '../../engine/adapters/prefix.ts'
import { KeyValueCache } from '../../engine/decoding/cache.ts'
import { openDecoder } from '../../engine/decoding/open.ts'
import { sample } from '../../engine/decoding/sampling.ts'
import type { Checkpointing } from '../../engine/grad/checkpoint.ts'
import type { Model } from '../../engine/models/model.ts'
import { openModel } from '../../engine/models/open.ts'
import { Random } from '../../engine/random.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { frozen } from '../../engine/weights/frozen.ts'
import type { Report, Run } from './run.ts'

const [directory, checkpointing] = process.argv.slice(2) as [string, Checkpointing]
const peakBytes = () => process.resourceUsage().maxRSS * 1024
const greedy = { temperature: 0, topP: 1, topK: 0 }

async function train(run: Run, model: Model, base: string) {
  const { prefix } = readAdapter(model, join(directory, 'prefix'))
  const options = { peft_type: 'PREFIX_TUNING', prefix_projection: false } as const
  const adapter = prefixAdapter(model, base, { ...options, num_virtual_tokens: prefix!.tokens }, prefix)
  const parameters = adapter.init(0)
  const { optimizer, maxGradNorm } = run
  const longest = Math.max(...run.samples.map(({ tokens }) => tokens.length))
  const setup = { adapter, parameters, optimizer, maxGradNorm, longest, checkpointing }
  const [losses, milliseconds]: [number[], number[]] = [[], []]
  await using trainer = await Trainer.open({
    ...setup,
    model,
    base: { weight: frozen(openCheckpoint(base)) },
  })
  for (const step of run.steps) {
    const begun = performance.now()
    const { loss } = await trainer.step([step.map((i) => run.samples[i]!)], run.learningRate)
    milliseconds.push(performance.now() - begun)
    losses.push(loss)
  }
  return { losses, milliseconds, parameters, virtualTokens: prefix!.tokens }
}

async function answer(run: Run, model: Model, base: string, tokens: number, parameters: Parameters) {
  const of = (kind: string) =>
    Array.from({ length: model.layers }, (_, layer) => parameters.get(`${kind}.${layer}`)!.data)
  const prefix = { tokens, keys: of('key'), values: of('value') }
  const answers: number[][] = []
  await using decoder = await openDecoder(model, base)
  for (const prompt of run.prompts) {
    const cache = new KeyValueCache(model, prefix)
    const own: number[] = []
    let next = sample(await decoder.read(prompt, cache), greedy, new Random(0))
    while (next !== run.end && own.push(next) < run.answerTokens)
      next = sample(await decoder.read([next], cache), greedy, new Random(0))
    answers.push(own)
  }
  return answers
}

const start = peakBytes()
const run: Run = JSON.parse(readFileSync(join(directory, 'run.json'), 'utf8'))
const base = join(directory, 'base')
const model = openModel(base)
const { losses, milliseconds, parameters, virtualTokens } = await train(run, model, base)
const peak = peakBytes()
const answers = run.prompts.length > 0 ? await answer(run, model, base, virtualTokens, parameters) : []
const report: Report = { losses, milliseconds, peak, start, answers }
console.log(JSON.stringify(report))
