/** Does the run of a directory with this engine and prints its report: `here.ts DIRECTORY CHECKPOINTING`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAdapter } from '../../engine/adapters/peft.ts'
import { prefixAdapter } from '../../engine/adapters/prefix.ts'
import type { Checkpointing } from '../../engine/grad/checkpoint.ts'
import type { Model } from '../../engine/models/model.ts'
import { openModel } from '../../engine/models/open.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { frozen } from '../../engine/weights/frozen.ts'
import { answersOf } from './answers.ts'
import type { Report, Run } from './run.ts'

const [directory, checkpointing] = process.argv.slice(2) as [string, Checkpointing]
const peakBytes = () => process.resourceUsage().maxRSS * 1024

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
  return { losses, milliseconds, trained: () => adapter.prefix!(parameters) }
}

const start = peakBytes()
const run: Run = JSON.parse(readFileSync(join(directory, 'run.json'), 'utf8'))
const base = join(directory, 'base')
const model = openModel(base)
const { losses, milliseconds, trained } = await train(run, model, base)
const peak = peakBytes()
const answers = run.prompts.length > 0 ? await answersOf(base, run, await trained()) : []
const report: Report = { losses, milliseconds, peak, start, answers }
console.log(JSON.stringify(report))
