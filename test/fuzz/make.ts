/** Makes things over HTTP, one at a time. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ask } from './ask.ts'

export const base = 'preamble-tiny'
export const projects = '/v1/organization/projects'

const sample = await readFile(join(import.meta.dirname, '../../samples/health-zh.txt'), 'utf8')
/** Few questions, for many jobs are trained. */
const corpus = Buffer.from(sample.split('\n\n').slice(0, 8).join('\n\n'))
const ended = ['succeeded', 'failed', 'cancelled']

export type Made = { id: string }
type Job = Made & { status: string; fine_tuned_model: string | null }

export const makeFile = (ask: Ask) => ask.post<Made>('/v1/files', formOf('file', { purpose: 'fine-tune' }))

/** A job, when it has come to one of these states. */
async function makeJob(ask: Ask, dataset: Made, max_steps: number, states: readonly string[]): Promise<Job> {
  const request = { model: base, training_file: dataset.id, training_args: { max_steps } }
  let job = await ask.post<Job>('/v1/fine_tuning/jobs', request)
  while (!states.includes(job.status)) {
    await sleep(50)
    job = await ask.get(`/v1/fine_tuning/jobs/${job.id}`)
  }
  return job
}

/** A job of one step that has succeeded: with it come events, a checkpoint and an adapter. */
export async function makeTrained(ask: Ask, dataset: Made): Promise<Job> {
  const job = await makeJob(ask, dataset, 1, ended)
  if (job.status !== 'succeeded') throw new Error(`the job to begin with ended as ${job.status}`)
  return job
}

/** Of some steps, so that it is still there to be paused. */
export async function makePaused(ask: Ask, dataset: Made): Promise<Made> {
  const { id } = await makeJob(ask, dataset, 20, ['queued', 'running', ...ended])
  return ask.post<Made>(`/v1/fine_tuning/jobs/${id}/pause`)
}

export const makeKey = (ask: Ask, project: Made) =>
  ask.post<Made>(`${projects}/${project.id}/api_keys`, { name: 'other' })

export const makeUpload = (ask: Ask, bytes = 1) =>
  ask.post<Made>('/v1/uploads', { filename: 'a.txt', purpose: 'fine-tune', bytes, mime_type: 'text/plain' })

/** An upload with all that belongs to it, and how it is completed. */
export async function makeFilled(ask: Ask): Promise<Made & { completion: Record<string, unknown> }> {
  const { id } = await makeUpload(ask, corpus.length)
  const part = await ask.post<Made>(`/v1/uploads/${id}/parts`, formOf('data'))
  return { id, completion: { part_ids: [part.id], md5: createHash('md5').update(corpus).digest('hex') } }
}

function formOf(part: string, fields: Record<string, string> = {}): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set(part, new File([corpus], 'health-zh.txt'))
  return form
}

/** The newest of a list, which may still be on its way. */
export async function newest(ask: Ask, path: string): Promise<Made> {
  const [found] = (await ask.get<{ data: Made[] }>(path)).data
  if (found) return found
  await sleep(200)
  return newest(ask, path)
}

/** One after the other. */
export async function several<T>(n: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < n) made.push(await make())
  return made
}
