/**
 * A program: makes the plan of a run and takes some of its optimizer steps; prints both as one line of JSON. The base is
 * quantised in another process, `--quantize`, so that this does not count.
 *
 * step.ts [--quantize] SETTING   with a `Setting` in JSON
 */
import { sketchAdapter, type Tuning } from '../../engine/adapters/open.ts'
import { openModel } from '../../engine/models/open.ts'
import { openBase, prepacks } from '../../engine/plan/base-form.ts'
import { machineMemory, type Plan, planRun } from '../../engine/plan/plan.ts'
import { Random } from '../../engine/random.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import type { TrainingArgs } from '../../engine/training/training-args.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { run } from '../measure.ts'

export type Setting = {
  /** A Hugging Face directory, and one that keeps its quantised weights. */
  base: string
  cache: string
  method: Tuning
  /** Samples of so many tokens, half of them labelled. */
  batch: number
  tokens: number
  asked: Pick<TrainingArgs, 'quantization_bit' | 'gradient_checkpointing'>
  /** Bytes the plan may use. */
  available?: number
  steps: number
}

export type Report = {
  plan: Plan
  milliseconds: number[]
  losses: number[]
  gradNorms: number[]
  peak: number
}

/** Plans and trains in a process of its own. */
export async function measured(setting: Setting): Promise<Report> {
  const program = [import.meta.filename, JSON.stringify(setting)]
  await run(process.execPath, [...program.toSpliced(1, 0, '--quantize')])
  return JSON.parse(await run(process.execPath, program)) as Report
}

async function measure(setting: Setting, quantizeOnly: boolean): Promise<Report | undefined> {
  const { base: directory, cache, method, batch, tokens, asked, steps } = setting
  const model = openModel(directory)
  const checkpoint = openCheckpoint(directory)
  const adapter = sketchAdapter({ method, base: directory }, model, checkpoint)
  const plan = planRun({
    ...{ model, checkpoint, adapter, method, mayQuantize: true },
    args: { per_device_train_batch_size: batch, gradient_accumulation_steps: 1, ...asked },
    ...{ longest: tokens, labelled: tokens / 2, available: setting.available ?? machineMemory() },
  })
  const opening = openBase(model, checkpoint, plan.form, cache)
  let opened = opening.next()
  while (!opened.done) opened = opening.next()
  if (quantizeOnly) return undefined

  await using trainer = await Trainer.open({
    ...{ model, adapter, base: opened.value, parameters: adapter.init(1), longest: tokens, maxGradNorm: 1 },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    ...{ checkpointing: plan.checkpointing, microBatch: plan.microBatch, prepack: prepacks(plan.form) },
  })
  const random = new Random(2)
  const samples = Array.from({ length: batch }, () => ({
    tokens: Array.from({ length: tokens }, () => random.below(model.vocabulary)),
    targets: Array.from({ length: tokens / 2 }, (_, i) => tokens / 2 + i),
  }))
  const report: Report = { plan, milliseconds: [], losses: [], gradNorms: [], peak: 0 }
  for (let step = 0; step < steps; step++) {
    const begun = performance.now()
    const { loss, gradNorm } = await trainer.step([samples], 1e-3)
    report.milliseconds.push(performance.now() - begun)
    report.losses.push(loss)
    report.gradNorms.push(gradNorm)
  }
  return { ...report, peak: process.resourceUsage().maxRSS * 1024 }
}

if (import.meta.main) {
  const report = await measure(JSON.parse(process.argv.at(-1)!) as Setting, process.argv[2] === '--quantize')
  if (report) console.log(JSON.stringify(report))
}
