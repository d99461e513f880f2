/** Every accepted job has ended once, in the state its events tell. */
import { asc, eq } from 'drizzle-orm'
import type { Database } from '../../../infra/db/client.ts'
import { jobEvents, jobs } from '../../../infra/db/tables/index.ts'
import type { Accepted, Status } from '../jobs.ts'
import type { Check } from './check.ts'

/** The words with which an event tells each end. */
const lastWords: [Status, RegExp][] = [
  ['succeeded', /^The job has successfully completed$/],
  ['failed', /^The job failed: /],
  ['cancelled', /^Fine-tuning job cancelled$/],
]

export async function checkJobs(db: Database, accepted: readonly Accepted[]): Promise<Check[]> {
  const rows = await db.select().from(jobs)
  const byId = new Map(rows.map((row) => [row.id as string, row]))
  const counts = new Map<string, number>()
  for (const { status } of rows) counts.set(status, (counts.get(status) ?? 0) + 1)
  const told = [...counts].map(([status, count]) => `${count} ${status}`).join(', ')

  const ends: string[] = []
  for (const row of rows) {
    const problem = problemOf(row.status, await eventsOf(db, row.id))
    if (problem) ends.push(`${row.id}: ${problem}`)
    if (!row.finishedAt) ends.push(`${row.id}: it has no finished_at`)
  }
  const outcomes = accepted.flatMap(({ id, n, kind, ends }) => {
    const row = byId.get(id)
    if (!row) return [`${id} (${n}, ${kind}): it was accepted, and is not there`]
    if (ends.includes(row.status)) return []
    return [`${id} (${n}, ${kind}): ${row.status} ${row.error?.message ?? ''}`]
  })
  const keyed = accepted.filter((job) => job.keyed)
  const twice = keyed.flatMap(({ n }) => {
    const made = rows.filter(({ metadata }) => metadata?.chaos === String(n))
    return made.length === 1 ? [] : [`${made.length} jobs of number ${n}: ${made.map(({ id }) => id)}`]
  })
  return [
    { says: `${rows.length} jobs ended once, as their events tell: ${told}`, problems: ends },
    { says: `${accepted.length} accepted jobs are there, and ended as they had to`, problems: outcomes },
    { says: `${keyed.length} jobs asked for with an Idempotency-Key were made once`, problems: twice },
  ]
}

type Event = Pick<typeof jobEvents.$inferSelect, 'message' | 'data'>

const eventsOf = (db: Database, id: (typeof jobs.$inferSelect)['id']): Promise<Event[]> =>
  db.select().from(jobEvents).where(eq(jobEvents.jobId, id)).orderBy(asc(jobEvents.position))

function problemOf(status: string, events: readonly Event[]): string | undefined {
  const ends = events.flatMap(({ message }) =>
    lastWords.flatMap(([end, words]) => (words.test(message) ? [end] : [])),
  )
  if (ends.length !== 1 || ends[0] !== status) return `it is ${status}; its events tell: ${ends || 'no end'}`
  const last = events.at(-1)!.message
  if (!lastWords.some(([, words]) => words.test(last))) return `after its end: ${last}`
  const steps = events.flatMap(({ data }) => (data?.train_loss === undefined ? [] : [data.step]))
  const repeated = steps.filter((step, i) => steps.indexOf(step) !== i)
  return repeated.length > 0 ? `it tells the steps ${repeated} twice` : undefined
}
