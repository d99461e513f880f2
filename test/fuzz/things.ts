/** One of each kind of thing, made before the requests come, so that they find something. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ask, asker } from './ask.ts'
import {
  base,
  type Made,
  makeFile,
  makeFilled,
  makeKey,
  makePaused,
  makeTrained,
  makeUpload,
  newest,
  projects,
  several,
} from './make.ts'

/** What `hooks.py` puts into requests: into bodies by field, into paths by what comes before the parameter. */
export type Things = {
  body: Record<string, string>
  path: Record<string, Record<string, string>>
  /** By operation: what can be had of a thing only once, with the fields that are right for it and what to post first. */
  once: Record<string, Once[]>
  /** By path: files on disk that are right for it. */
  files: Record<string, string[]>
  base: string
  /** Where webhooks are received. */
  receiver: string
  /** All of them, by all of their names: they stay. */
  kept: string[]
}
type Once = { path: Record<string, string>; body?: Record<string, unknown>; first?: string }

/** Makes the first key, after which there is no request without one, and things with it; files lie in `home`. */
export async function makeThings(
  url: string,
  { home, receiver }: { home: string; receiver: string },
): Promise<{ key: string; things: Things }> {
  const scopes = ['read', 'write', 'serve', 'admin']
  const key = await asker(url).post<Made & { value: string }>(`${projects}/proj_default/api_keys`, {
    ...{ name: 'fuzz', scopes },
  })
  const ask = asker(url, key.value)

  const file = await makeFile(ask)
  const upload = await makeUpload(ask)
  const hook = { name: 'receiver', url: receiver, event_types: ['preamble.dataset.ready'] }
  const endpoint = await ask.post<Made>('/v1/webhook_endpoints', hook)
  const dataset = await ask.post<Made>('/v1/datasets', { file_id: file.id })
  const delivery = await newest(ask, `/v1/webhook_endpoints/${endpoint.id}/deliveries`)
  const project = await ask.post<Made>(projects, { name: 'other' })
  const job = await makeTrained(ask, dataset)
  const adapter = await newest(ask, '/v1/adapters')

  const body = {
    ...{ model: job.fine_tuned_model!, training_file: dataset.id, validation_file: file.id },
    ...{ file_id: file.id, project_id: project.id, key_id: (await makeKey(ask, project)).id },
  }
  const path = {
    '/v1/files': one(file),
    '/v1/uploads': one(upload),
    '/v1/datasets': one(dataset),
    '/v1/fine_tuning/jobs': one(job),
    '/v1/adapters': one(adapter),
    '/v1/webhook_endpoints': { id: endpoint.id, delivery_id: delivery.id },
    '/v1/base_models': { id: base },
  }
  const kept = ['proj_default', key.id, ...Object.values(body), ...Object.values(path).map(({ id }) => id)]
  const once = await onceThings(ask, dataset, project)
  const files = await filesIn(home, await ask.bytes(`/v1/adapters/${adapter.id}/export`))
  return { key: key.value, things: { body, path, once, files, base, receiver, kept } }
}

const one = ({ id }: Made) => ({ id })

async function onceThings(ask: Ask, dataset: Made, project: Made): Promise<Things['once']> {
  const jobs = '/v1/fine_tuning/jobs'
  const paused = (n: number) => several(n, () => makePaused(ask, dataset))
  const filled = await several(20, () => makeFilled(ask))
  const keys = await several(5, () => makeKey(ask, project))
  return {
    'POST /v1/uploads/{id}/complete': filled.map(({ id, completion }) => ({
      path: { id },
      body: completion,
    })),
    [`POST ${jobs}/{id}/cancel`]: (await paused(3)).map((job) => ({ path: one(job) })),
    [`POST ${jobs}/{id}/resume`]: (await paused(3)).map((job) => ({ path: one(job) })),
    [`POST ${jobs}/{id}/pause`]: (await paused(3)).map((job) => ({
      ...{ path: one(job), first: `${jobs}/${job.id}/resume` },
    })),
    [`DELETE ${projects}/{project_id}/api_keys/{key_id}`]: keys.map(({ id }) => ({
      path: { project_id: project.id, key_id: id },
    })),
  }
}

/** Corpora of each form, and an adapter to import. */
async function filesIn(home: string, adapter: Uint8Array): Promise<Things['files']> {
  const [q, a] = ['怎样预防蛀牙？', '早晚刷牙。']
  const turns = [
    { role: 'user', content: q },
    { role: 'assistant', content: a },
  ]
  const corpora = {
    'text.txt': `${q}\n${a}\n`,
    'wide.txt': Buffer.from(`\ufeff${q}\n${a}\n`, 'utf16le'),
    'pairs.json': JSON.stringify([{ q, a }]),
    'conversations.json': JSON.stringify([{ conversations: turns }]),
    'messages.jsonl': `${JSON.stringify({ messages: turns })}\n`,
  }
  const keep = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(home, name), content)
    return join(home, name)
  }
  const texts = await Promise.all(Object.entries(corpora).map(([name, content]) => keep(name, content)))
  return {
    '/v1/files': texts,
    '/v1/uploads/{id}/parts': texts,
    '/v1/adapters/import': [await keep('adapter.zip', adapter)],
  }
}
