import { and, eq, isNotNull, notInArray } from 'drizzle-orm'
import { newId } from '../../../contract/ids.ts'
import { jobEvents, jobs } from '../../db/tables/index.ts'
import type { Area } from '../area.ts'

/** A job that has ended needs its state no more; another one that has lost it begins anew. */
export const stateArea: Area = {
  prefix: 'states',
  async named(db) {
    const rows = await db
      .select({ id: jobs.id, key: jobs.stateKey })
      .from(jobs)
      .where(and(isNotNull(jobs.stateKey), notInArray(jobs.status, ['succeeded', 'failed', 'cancelled'])))
    return rows.map(({ id, key }) => ({
      key: key!,
      expected: {
        isWhole: (found) => found.length > 0,
        fail: () =>
          db.transaction(async (tx) => {
            const [lost] = await tx
              .update(jobs)
              .set({ stateKey: null, stateStep: null })
              .where(and(eq(jobs.id, id), eq(jobs.stateKey, key!)))
              .returning()
            if (!lost) return false
            const message =
              'The state of the run was lost from storage; should its worker die, it begins anew'
            const event = { type: 'message', level: 'warn', message } as const
            await tx.insert(jobEvents).values({ id: newId('event'), jobId: id, ...event })
            return true
          }),
      },
    }))
  },
}
