/** Asks every model as soon as it is listed, and again later, while everything fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eq } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { type Client, passes, statusOf } from './client.ts'
import { type Storage, sha256 } from './storage.ts'

export type Asked = {
  /** What each model answered: always the same, or it was not whole at one time. */
  answers: Map<string, Set<string>>
  /** Models whose files were looked at when they were first listed. */
  seen: Set<string>
  /** Answers that only a model that is not whole could give. */
  wrong: string[]
}

type World = { client: Client; db: Database; storage: Storage }

export async function askModels(world: World, asked: Asked, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    await sleep(300)
    const listed = await tunedModels(world.client).catch(() => [])
    const fresh = listed.filter((model) => !asked.answers.has(model))
    const old = listed.length > 0 ? listed[turn % listed.length] : undefined
    for (const model of [...fresh.slice(0, 5), ...(old ? [old] : [])]) {
      if (signal.aborted) break
      if (!asked.seen.has(model)) await look(world, asked, model).catch(() => {}) // the database is away
      await ask(world, asked, model)
    }
  }
}

export async function tunedModels({ openai }: Client): Promise<string[]> {
  return (await openai.models.list()).data.map(({ id }) => id).filter((id) => id.startsWith('ft:'))
}

/** Asks a model once; an answer that passes (the service is away) says nothing. */
export async function ask({ client }: World, { answers, wrong }: Asked, model: string): Promise<boolean> {
  const messages = [{ role: 'user' as const, content: '感冒了' }]
  try {
    const { choices } = await client.openai.chat.completions.create({
      ...{ model, messages, temperature: 0, max_tokens: 8 },
    })
    const said = answers.get(model) ?? new Set()
    answers.set(model, said.add(choices[0]!.message.content ?? ''))
    return true
  } catch (error) {
    if (passes(error)) return false
    // A job that begins anew takes back the checkpoints that it made after its last state.
    const listed = await client.insist(() => tunedModels(client))
    const gone = statusOf(error) === 404 && !listed.includes(model)
    if (!gone) wrong.push(`${model}: ${(error as Error).message}`)
    return false
  }
}

/** Whether all files of a model that is listed are there, past everything that fails. */
async function look({ db, storage: { store } }: World, { seen, wrong }: Asked, model: string): Promise<void> {
  const rowOf = async () => (await db.select().from(adapters).where(eq(adapters.model, model)))[0]
  const row = await rowOf()
  if (!row) return
  const problem = await problemOf(store, row)
  if (problem && (await rowOf())) wrong.push(`${model}: ${problem}`)
  seen.add(model)
}

/** What is wrong with the files of a tuned model. */
export async function problemOf(
  store: Storage['store'],
  { objectKey, bytes, hash }: typeof adapters.$inferSelect,
): Promise<string | undefined> {
  const names = await store.list(objectKey)
  const files = await Promise.all(names.map((name) => store.bytes(`${objectKey}/${name}`)))
  const found = files.reduce((sum, { length }) => sum + length, 0)
  if (found !== bytes) return `${names.length} files of ${found} bytes, not of ${bytes}`
  const tensors = files[names.indexOf('adapter_model.safetensors')]
  return tensors && sha256(tensors) !== hash ? 'its tensors have another hash' : undefined
}
