import { and, asc, eq } from 'drizzle-orm'
import type { Database } from '../../infra/db/client.ts'
import { isFree, leaseFor } from '../../infra/db/lease.ts'
import { baseModelTable } from '../../infra/db/tables/index.ts'
import type { BaseModelRow } from './base-model.ts'

/** Takes the model that has waited longest to be pulled, also from a worker that has died. */
export async function claimPull(db: Database, leaseMs: number): Promise<BaseModelRow | undefined> {
  return db.transaction(async (tx) => {
    const [row] = await tx
      .select()
      .from(baseModelTable)
      .where(and(eq(baseModelTable.status, 'downloading'), isFree(baseModelTable.leaseUntil)))
      .orderBy(asc(baseModelTable.createdAt))
      .limit(1)
      .for('update', { skipLocked: true })
    if (!row) return undefined
    const [taken] = await tx
      .update(baseModelTable)
      .set({ attempt: row.attempt + 1, leaseUntil: leaseFor(leaseMs) })
      .where(eq(baseModelTable.id, row.id))
      .returning()
    return taken
  })
}

/** Holds a pull for so long from now, or lets it go; not one that another worker has taken. */
export async function holdPull(
  db: Database,
  { id, attempt }: Pick<BaseModelRow, 'id' | 'attempt'>,
  leaseMs: number,
): Promise<void> {
  await db
    .update(baseModelTable)
    .set({ leaseUntil: leaseFor(leaseMs) })
    .where(and(eq(baseModelTable.id, id), eq(baseModelTable.attempt, attempt)))
}
