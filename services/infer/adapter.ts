/** What is known of an adapter, and how the API tells it. */
import { and, eq, or } from 'drizzle-orm'
import type { Adapter } from '../../contract/adapter.ts'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { EngineThread, ResidentAdapter } from '../../engine/index.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters, unixSeconds } from '../../infra/db/tables/index.ts'
import type { Store } from '../../infra/store/store.ts'

export type AdapterRow = typeof adapters.$inferSelect

/** @param resident what the engine has of it in memory */
export const toAdapter = (row: AdapterRow, resident?: ResidentAdapter): Adapter => ({
  id: row.id,
  object: 'adapter',
  created_at: unixSeconds(row.createdAt),
  model: row.model,
  base: row.base,
  peft_type: row.peftType,
  source: row.jobId ? 'job' : 'import',
  job_id: row.jobId,
  bytes: row.bytes,
  loaded: resident !== undefined,
  loaded_bytes: resident?.bytes ?? 0,
  pinned: resident?.pinned ?? false,
})

type Deps = { store: Store; engine: Pick<EngineThread, 'adapters'> }

/** Rows as the API tells them, with what this process's engine has of them in memory. */
export async function toAdapters({ store, engine }: Deps, rows: readonly AdapterRow[]): Promise<Adapter[]> {
  const resident = await engine.adapters.list()
  return Promise.all(rows.map(async (row) => toAdapter(row, await residentOf(store, row, resident))))
}

/** The one of the `residents` that is the adapter of this row. */
export async function residentOf(
  store: Store,
  row: AdapterRow,
  residents: readonly ResidentAdapter[],
): Promise<ResidentAdapter | undefined> {
  const alike = residents.filter(({ adapterHash }) => adapterHash === (row.hash ?? undefined))
  // Only then: a store that is far away fetches the files to name their directory.
  if (alike.length === 0) return undefined
  const directory = await store.directory(row.objectKey).catch(() => undefined)
  return alike.find(({ adapter }) => adapter === directory)
}

/** The adapter of this id, or of the model of this id. Throws ApiError when there is none. */
export async function findAdapter(
  { db, project }: InProject & { db: Database },
  id: string,
): Promise<AdapterRow> {
  const named = or(eq(adapters.id, id as Id<'adapter'>), eq(adapters.model, id))
  const [row] = await db
    .select()
    .from(adapters)
    .where(and(eq(adapters.project, project), named))
  if (!row) throw new ApiError('not_found', `there is no adapter ${id}`, { param: 'id' })
  return row
}
