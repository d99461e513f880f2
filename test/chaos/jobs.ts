/** The jobs that users ask for while everything fails, and what has to become of each. */
import { setTimeout as sleep } from 'node:timers/promises'
import { toFile } from 'openai'
import type { FineTuningJob, JobCreateParams } from 'openai/resources/fine-tuning/jobs/jobs'
import type { Dataset } from '../../contract/dataset.ts'
import type { JobStatus } from '../../contract/job.ts'
import { Random } from '../../engine/random.ts'
import { type Client, statusOf } from './client.ts'

export type Status = JobStatus
type Kind = 'prefix' | 'lora' | 'together' | 'dataset' | 'bad' | 'diverging' | 'cancelled' | 'paused'

export type Accepted = {
  id: string
  /** Which of the run's jobs it is: in its metadata. */
  n: number
  kind: Kind
  /** Whether it was asked for with an `Idempotency-Key`. */
  keyed: boolean
  /** How it may end. */
  ends: readonly Status[]
  /** The model and files of it that its user has deleted since. */
  deleted: string[]
}

/** Those that may be trained together come one after the other. */
const kinds: Kind[] = [
  ...(['prefix', 'together', 'together', 'together', 'lora', 'cancelled', 'bad', 'paused'] as const),
  ...(['prefix', 'dataset', 'lora', 'diverging', 'cancelled', 'paused', 'prefix'] as const),
]

const corpus = '你好\n你好，多喝水。\n\n数\n一二三\n\n感冒了\n多休息。\n\n谢谢\n不客气。\n'
const badCorpus = `${corpus}\n没有回答的问题\n`
const short = {
  ...{ max_input_length: 48, max_output_length: 48, per_device_train_batch_size: 2, learning_rate: 1e-2 },
  ...{ logging_steps: 1, eval_steps: 10 },
}
const wild = { learning_rate: 1e38, max_grad_norm: 0, max_steps: 20, eval_steps: 0, save_steps: 0 }

/** Asks for a job as a user would who does not give up, and sees it to what he wants of it. */
export async function askForJob(client: Client, seed: number, n: number, told: (job: Accepted) => void) {
  const { insist } = client
  const random = new Random(seed + n)
  const kind = kinds[n % kinds.length]!
  const keyed = n % 2 === 0
  const training_file = await trainingFile(client, kind)
  const params = {
    ...{ model: 'tiny', training_file, suffix: `chaos-${n}`, seed: n, metadata: { chaos: String(n) } },
    ...settings(kind, random),
  } as JobCreateParams
  const { id } = keyed ? await createKeyed(client, params, `${seed}-${n}`) : await createSeen(client, params)
  const job: Accepted = { id, n, kind, keyed, ends: endsOf(kind), deleted: [] }
  told(job)
  if (kind === 'cancelled') {
    await sleep(4000 * random.uniform())
    job.ends = await cancel(client, id)
  }
  if (kind === 'paused') await pauseForAWhile(client, id, random)
  for (;;) {
    const ended = await insist((openai) => openai.fineTuning.jobs.retrieve(id))
    if (ended.finished_at && n % 5 === 4) await deleteAll(client, job, ended)
    if (ended.finished_at) return
    await sleep(1000)
  }
}

/** Deletes what a job has made. */
async function deleteAll({ insist }: Client, { deleted }: Accepted, job: FineTuningJob): Promise<void> {
  const unlessGone = (error: unknown) => {
    if (statusOf(error) !== 404) throw error // the answer to the first of two requests got lost
  }
  for (const id of job.result_files) {
    deleted.push(id)
    await insist((openai) => openai.files.delete(id)).catch(unlessGone)
  }
  const model = job.fine_tuned_model
  if (!model) return
  deleted.push(model)
  await insist((openai) => openai.models.delete(model)).catch(unlessGone)
}

function endsOf(kind: Kind): Status[] {
  if (kind === 'bad' || kind === 'diverging') return ['failed']
  return kind === 'cancelled' ? ['cancelled', 'succeeded'] : ['succeeded']
}

function settings(kind: Kind, random: Random) {
  const steps = 4 + random.below(20)
  const args = { ...short, max_steps: steps, save_steps: 1 + random.below(6) }
  if (kind === 'lora') return { peft: { peft_type: 'LORA', r: 2, lora_dropout: 0.1 }, training_args: args }
  const peft = { num_virtual_tokens: 8 }
  if (kind === 'together') return { peft, training_args: { ...args, train_together: true } }
  if (kind === 'paused') return { peft, training_args: { ...args, max_steps: 10 * steps, save_steps: 20 } }
  // Until the loss is no number; what would be kept before is a model whose values are too large to answer.
  if (kind === 'diverging') return { peft, training_args: { ...args, ...wild } }
  return { peft, training_args: args }
}

/** A file, or a dataset that was made of one. */
async function trainingFile({ insist }: Client, kind: Kind): Promise<string> {
  const content = Buffer.from(kind === 'bad' ? badCorpus : corpus)
  const file = await insist(async (openai) =>
    openai.files.create({ file: await toFile(content, 'corpus.txt'), purpose: 'fine-tune' }),
  )
  if (kind !== 'dataset') return file.id
  const body = { file_id: file.id, system_prompt: byUser }
  return (await insist((openai) => openai.post<Dataset>('/datasets', { body }))).id
}

/** Marks datasets that users made, and not the validation of a job. */
export const byUser = '用户'

/** However often it is asked for: with one key there is one job. */
const createKeyed = ({ insist }: Client, params: JobCreateParams, key: string) =>
  insist((openai) => openai.fineTuning.jobs.create(params, { headers: { 'Idempotency-Key': key } }))

/** Without a key: when the answer got lost, the user looks whether there is such a job now. */
async function createSeen({ insist, openai }: Client, params: JobCreateParams): Promise<FineTuningJob> {
  const created = await insist(async () => {
    const { data } = await openai.fineTuning.jobs.list({ limit: 100 })
    const known = data.find(({ metadata }) => metadata?.chaos === params.metadata?.chaos)
    return known ?? openai.fineTuning.jobs.create(params, { maxRetries: 0 })
  })
  return created
}

/** Answers how the job may end: one that was not cancelled in time has ended by itself. */
async function cancel({ insist }: Client, id: string): Promise<Status[]> {
  try {
    await insist((openai) => openai.fineTuning.jobs.cancel(id))
    return ['cancelled']
  } catch (error) {
    // The answer to the first of two requests may have got lost.
    if (statusOf(error) === 409) return ['cancelled', 'succeeded']
    throw error
  }
}

/** Once it trains; a conflict says that it has ended, or that an answer got lost. */
async function pauseForAWhile({ insist }: Client, id: string, random: Random): Promise<void> {
  const unlessConflict = (error: unknown) => {
    if (statusOf(error) !== 409) throw error
  }
  for (;;) {
    const { status } = await insist((openai) => openai.fineTuning.jobs.retrieve(id))
    if (status === 'running' || status === 'queued') break
    if (status !== 'validating_files') return
    await sleep(300)
  }
  await sleep(2000 * random.uniform())
  await insist((openai) => openai.fineTuning.jobs.pause(id)).catch(unlessConflict)
  await sleep(3000 * random.uniform())
  await insist((openai) => openai.fineTuning.jobs.resume(id)).catch(unlessConflict)
}
