/**
 * A program: trains several prefixes on one base, all together or one after another, as the plan of each says; prints a
 * `Report` in JSON.
 *
 * train.ts together|alone SETTING   with a `Setting` in JSON
 */
import { type PrefixTuning, prefixAdapter } from '../../engine/adapters/prefix.ts'
import { openModel } from '../../engine/models/open.ts'
import { type BaseForm, openBase, prepacks } from '../../engine/plan/base-form.ts'
import { machineMemory, planRun } from '../../engine/plan/plan.ts'
import { Random } from '../../engine/random.ts'
import type { TokenSample } from '../../engine/training/batch.ts'
import { groupOf, type Place } from '../../engine/training/group.ts'
import { Trainer } from '../../engine/training/trainer.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { run } from '../measure.ts'

export type Side = 'together' | 'alone'

export type Setting = {
  /** A Hugging Face directory, and one that keeps its quantised weights. */
  base: string
  cache: string
  /** In which form the base is held; as the plan has it when absent. */
  form?: BaseForm
  jobs: number
  steps: number
  virtualTokens: number
  /** Tokens of a sample, the fewest and the most; the second half of each is the reply. */
  tokens: readonly [number, number]
}

export type Report = {
  /** The form in which the base is held. */
  form: string
  /** From before the first job's graph is built until after the last one's last step. */
  whole: number
  /** Without what each job takes to get ready: its graph, and its first step, in which caches and allocators do. */
  steps: number
  /** Of each step, by job. */
  losses: number[][]
}

/** Trains in a process of its own. */
export const trained = async (side: Side, setting: Setting): Promise<Report> =>
  JSON.parse(await run(process.execPath, [import.meta.filename, side, JSON.stringify(setting)])) as Report

async function train(side: Side, setting: Setting): Promise<Report> {
  const { base: directory, virtualTokens, jobs } = setting
  const [model, checkpoint] = [openModel(directory), openCheckpoint(directory)]
  const method: PrefixTuning = {
    ...{ peft_type: 'PREFIX_TUNING', num_virtual_tokens: virtualTokens, prefix_projection: false },
  }
  const adapter = prefixAdapter(model, directory, method)
  const longest = setting.tokens[1]
  const { checkpointing, ...plan } = planRun({
    ...{ model, checkpoint, adapter, method, longest, labelled: longest / 2, mayQuantize: false },
    args: { per_device_train_batch_size: 1, gradient_accumulation_steps: 1 },
    ...{ members: side === 'together' ? jobs : 1, available: machineMemory() },
  })
  const { form = plan.form } = setting
  const opening = openBase(model, checkpoint, form, setting.cache)
  let opened = opening.next()
  while (!opened.done) opened = opening.next()
  const setup = {
    ...{ model, adapter, form, checkpointing, longest, maxGradNorm: 1, prepack: prepacks(form) },
    base: opened.value,
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  }

  /** Trains one job on samples of its own. */
  async function job(seed: number, place: Place): Promise<{ losses: number[]; ready: number; end: number }> {
    await using trainer = await Trainer.open({ ...setup, parameters: adapter.init(seed) }, place)
    const losses: number[] = []
    let ready = 0
    for (const sample of samplesOf(setting, model.vocabulary, seed)) {
      losses.push((await trainer.step([[sample]], 1e-2)).loss)
      ready ||= performance.now()
    }
    return { losses, ready, end: performance.now() }
  }

  const begun = performance.now()
  const seeds = Array.from({ length: jobs }, (_, i) => i + 1)
  const done =
    side === 'together' ? await Promise.all(groupOf(jobs).map((place, i) => job(seeds[i]!, place))) : []
  if (side === 'alone') for (const seed of seeds) done.push(await job(seed, groupOf(1)[0]!))
  const whole = performance.now() - begun
  const stepping = done.map(({ ready, end }) => end - ready)
  const steps = side === 'together' ? Math.max(...stepping) : stepping.reduce((sum, ms) => sum + ms, 0)
  return { form, whole, steps, losses: done.map(({ losses }) => losses) }
}

/** A sample for each step, of lengths evenly spread between the fewest and the most tokens. */
function samplesOf(
  { steps, tokens: [fewest, most] }: Setting,
  vocabulary: number,
  seed: number,
): TokenSample[] {
  const random = new Random(seed)
  return Array.from({ length: steps }, () => {
    const length = fewest + random.below(most - fewest + 1)
    const reply = Math.floor(length / 2)
    return {
      tokens: Array.from({ length }, () => random.below(vocabulary)),
      targets: Array.from({ length: length - reply }, (_, i) => reply + i),
    }
  })
}

if (import.meta.main) {
  const [side, setting] = process.argv.slice(2) as [Side, string]
  console.log(JSON.stringify(await train(side, JSON.parse(setting) as Setting)))
}
