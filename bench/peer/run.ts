/** One training run that both sides do: a directory with `base/`, `prefix/` and `run.json`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prefixAdapter } from '../../engine/adapters/prefix.ts'
import type { Checkpointing } from '../../engine/grad/checkpoint.ts'
import { openModel } from '../../engine/models/open.ts'
import type { AdamWOptions } from '../../engine/optim/adamw.ts'
import type { TokenSample } from '../../engine/training/batch.ts'
import { run } from '../measure.ts'
import { peerPython } from './python.ts'

/** What `run.json` says. */
export type Run = {
  samples: readonly TokenSample[]
  /** The samples of each optimizer step, by index. */
  steps: readonly (readonly number[])[]
  learningRate: number
  optimizer: AdamWOptions
  maxGradNorm: number
  threads: number
  /** Prompts that are answered greedily once training is over. */
  prompts: readonly (readonly number[])[]
  /** Tokens of each answer, at most; `end` ends it before. */
  answerTokens: number
  end: number
}

/** What a side prints, as one line of JSON. */
export type Report = {
  /** Mean cross-entropy of each step, before its update. */
  losses: number[]
  /** Of each step. */
  milliseconds: number[]
  /** Peak memory of the process, in bytes: at the end, and before the model was opened. */
  peak: number
  start: number
  /** Without `end`. */
  answers: number[][]
}

/** Writes a run's settings, and the random prefix that both sides start from, beside its `base/`. */
export async function writeRun(
  directory: string,
  settings: Run,
  prefix: { tokens: number; std: number; seed: number },
): Promise<void> {
  const adapter = prefixAdapter(openModel(join(directory, 'base')), 'bench', {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: prefix.tokens,
    prefix_projection: false,
    init_std: prefix.std,
  })
  mkdirSync(join(directory, 'prefix'), { recursive: true })
  for (const [name, bytes] of Object.entries(await adapter.files(adapter.init(prefix.seed))))
    writeFileSync(join(directory, 'prefix', name), bytes)
  writeFileSync(join(directory, 'run.json'), JSON.stringify(settings))
}

/** The run by this project's engine, in a process of its own. */
export const here = async (directory: string, checkpointing: Checkpointing): Promise<Report> =>
  JSON.parse(await run(process.execPath, [join(import.meta.dirname, 'here.ts'), directory, checkpointing]))

/** The same by PyTorch with transformers and PEFT. */
export const peer = async (directory: string): Promise<Report> =>
  JSON.parse(await run(await peerPython(), [join(import.meta.dirname, 'train.py'), directory]))
