import { and, eq } from 'drizzle-orm'
import { newId } from '../../../contract/ids.ts'
import { adapters, jobEvents } from '../../db/tables/index.ts'
import type { Area } from '../area.ts'

/** A model that has lost files keeps its row, for they may come back: until then requests for it fail. Its job says so, once. */
export const adapterArea: Area = {
  prefix: 'adapters',
  async named(db) {
    const rows = await db.select().from(adapters)
    return rows.map(({ id, model, jobId, bytes, objectKey: key }) => ({
      key,
      expected: {
        isWhole: (found) => {
          const there = found.reduce((sum, object) => sum + object.bytes, 0)
          return there > 0 && there >= (bytes ?? 0) // what else lies there does no harm
        },
        fail: () =>
          db.transaction(async (tx) => {
            const named = and(eq(adapters.id, id), eq(adapters.objectKey, key))
            const [row] = await tx.select({ id: adapters.id }).from(adapters).where(named).for('update')
            if (!row) return false
            if (!jobId) return true
            const message = `Files of ${model} were lost from storage; it cannot be used until they are back`
            const told = and(eq(jobEvents.jobId, jobId), eq(jobEvents.message, message))
            if ((await tx.$count(jobEvents, told)) > 0) return true
            const event = { type: 'message', level: 'error', message } as const
            await tx.insert(jobEvents).values({ id: newId('event'), jobId, ...event })
            return true
          }),
      },
    }))
  },
}
