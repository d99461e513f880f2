import { and, asc, desc, eq, type InferSelectModel, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { ApiError } from '../../contract/errors.ts'
import type { PageQuery } from '../../contract/page.ts'
import type { Database } from './client.ts'

type Listed = PgTable & { id: PgColumn; createdAt: PgColumn }

/**
 * One page of a table by age, of the rows that meet `where`.
 * @throws ApiError when there is no row called `after` among them
 */
export async function pageOfRows<T extends Listed>(
  db: Database,
  table: T,
  { limit, after, order }: PageQuery,
  where?: SQL,
): Promise<{ rows: InferSelectModel<T>[]; hasMore: boolean }> {
  const by = order === 'asc' ? asc : desc
  const rows = await db
    .select()
    .from(table as PgTable)
    .where(and(where, after === undefined ? undefined : await beyond(db, table, after, order, where)))
    .orderBy(by(table.createdAt), by(table.id))
    .limit(limit + 1)
  return { rows: rows.slice(0, limit) as InferSelectModel<T>[], hasMore: rows.length > limit }
}

async function beyond(
  db: Database,
  table: Listed,
  after: string,
  order: PageQuery['order'],
  where: SQL | undefined,
): Promise<SQL> {
  const [known] = await db
    .select({ id: table.id })
    .from(table as PgTable)
    .where(and(where, eq(table.id, after)))
  if (!known)
    throw new ApiError('invalid_value', `after: there is no ${after} in this list`, { param: 'after' })
  // Compared in the database: a JS date has no microseconds.
  const last = sql`(select ${table.createdAt}, ${table.id} from ${table} where ${table.id} = ${after})`
  const row = sql`(${table.createdAt}, ${table.id})`
  return order === 'asc' ? sql`${row} > ${last}` : sql`${row} < ${last}`
}
