import { and, eq } from 'drizzle-orm'
import { newId } from '../../../contract/ids.ts'
import { adapters, jobCheckpoints, jobEvents } from '../../db/tables/index.ts'
import type { Area } from '../area.ts'

/** A model that has lost one of its files is none any more; its job says so. */
export const adapterArea: Area = {
  prefix: 'adapters',
  async named(db) {
    const rows = await db.select().from(adapters)
    return rows.map(({ id, model, jobId, bytes, objectKey: key }) => ({
      key,
      expected: {
        isWhole: (found) => {
          const there = found.reduce((sum, object) => sum + object.bytes, 0)
          return bytes === null ? there > 0 : there === bytes
        },
        fail: () =>
          db.transaction(async (tx) => {
            const named = and(eq(adapters.id, id), eq(adapters.objectKey, key))
            const [gone] = await tx.delete(adapters).where(named).returning()
            if (!gone) return false
            await tx.delete(jobCheckpoints).where(eq(jobCheckpoints.objectKey, key))
            if (!jobId) return true
            const message = `Files of ${model} were lost from storage; the model cannot be used any more`
            const event = { type: 'message', level: 'error', message } as const
            await tx.insert(jobEvents).values({ id: newId('event'), jobId, ...event })
            return true
          }),
      },
    }))
  },
}
