/** What is known of an adapter, and how the API tells it. */
import { eq, or } from 'drizzle-orm'
import type { Adapter } from '../../contract/adapter.ts'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { Database } from '../../infra/db/client.ts'
import { adapters, unixSeconds } from '../../infra/db/tables/index.ts'

export type AdapterRow = typeof adapters.$inferSelect

export const toAdapter = (row: AdapterRow): Adapter => ({
  id: row.id,
  object: 'adapter',
  created_at: unixSeconds(row.createdAt),
  model: row.model,
  base: row.base,
  peft_type: row.peftType,
  source: row.jobId ? 'job' : 'import',
  job_id: row.jobId,
  bytes: row.bytes,
})

/** The adapter of this id, or of the model of this id. Throws ApiError when there is none. */
export async function findAdapter(db: Database, id: string): Promise<AdapterRow> {
  const named = or(eq(adapters.id, id as Id<'adapter'>), eq(adapters.model, id))
  const [row] = await db.select().from(adapters).where(named)
  if (!row) throw new ApiError('not_found', `there is no adapter ${id}`, { param: 'id' })
  return row
}
