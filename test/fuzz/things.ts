/** One of each kind of thing, made before the requests come, so that they find something. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const corpus = join(import.meta.dirname, '../../samples/health-zh.txt')
const base = 'preamble-tiny'

type Made = { id: string }
type Job = Made & { status: string; fine_tuned_model: string | null }
type Key = Made & { value: string }

/** What `hooks.py` puts into requests: into bodies by field, into paths by what comes before the parameter. */
export type Things = {
  body: Record<string, string>
  path: Record<string, Record<string, string>>
  base: string
  /** All of them, by all of their names: they stay. */
  kept: string[]
}

const projects = '/v1/organization/projects'

/** Makes the first key, after which there is no request without one, and things with it. */
export async function makeThings(url: string): Promise<{ key: string; things: Things }> {
  const scopes = ['read', 'write', 'serve', 'admin']
  const key = await post<Key>(url, undefined, `${projects}/proj_default/api_keys`, { name: 'fuzz', scopes })
  const ask = <T extends Made>(path: string, body: unknown) => post<T>(url, key.value, path, body)

  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', new File([await readFile(corpus)], 'health-zh.txt'))
  const file = await ask('/v1/files', form)
  const dataset = await ask('/v1/datasets', { file_id: file.id })
  const receiver = {
    name: 'nobody',
    url: 'http://127.0.0.1:9/hook',
    event_types: ['preamble.dataset.ready'],
  }
  const endpoint = await ask('/v1/webhook_endpoints', receiver)
  const project = await ask(projects, { name: 'other' })
  const projectKey = await ask(`${projects}/${project.id}/api_keys`, { name: 'other' })
  const job = await trained(url, key.value, dataset.id)
  const [adapter] = (await get<{ data: Made[] }>(url, key.value, '/v1/adapters')).data
  const model = job.fine_tuned_model!

  const one = ({ id }: Made) => ({ id })
  const body = {
    ...{ model, training_file: dataset.id, validation_file: file.id, file_id: file.id },
    ...{ project_id: project.id, key_id: projectKey.id },
  }
  const path = {
    '/v1/files': one(file),
    '/v1/datasets': one(dataset),
    '/v1/fine_tuning/jobs': one(job),
    '/v1/adapters': one(adapter!),
    '/v1/webhook_endpoints': one(endpoint),
    '/v1/base_models': { id: base },
  }
  const kept = [key.id, ...Object.values(body), ...Object.values(path).map(({ id }) => id)]
  return { key: key.value, things: { body, path, base, kept } }
}

/** A job of one step that has succeeded: with it come events, a checkpoint and an adapter. */
async function trained(url: string, key: string, dataset: string): Promise<Job> {
  const request = { model: base, training_file: dataset, training_args: { max_steps: 1 } }
  let job = await post<Job>(url, key, '/v1/fine_tuning/jobs', request)
  while (!['succeeded', 'failed', 'cancelled'].includes(job.status)) {
    await sleep(200)
    job = await get(url, key, `/v1/fine_tuning/jobs/${job.id}`)
  }
  if (job.status !== 'succeeded') throw new Error(`the job to begin with ended as ${job.status}`)
  return job
}

async function post<T extends Made>(
  url: string,
  key: string | undefined,
  path: string,
  body: unknown,
): Promise<T> {
  const isForm = body instanceof FormData
  const headers = { ...headersOf(key), ...(!isForm && { 'content-type': 'application/json' }) }
  return told(
    await fetch(url + path, { method: 'POST', headers, body: isForm ? body : JSON.stringify(body) }),
  )
}

const get = async <T>(url: string, key: string, path: string): Promise<T> =>
  told(await fetch(url + path, { headers: headersOf(key) }))

async function told<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

export const headersOf = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` }
