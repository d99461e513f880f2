import { and, eq } from 'drizzle-orm'
import { files } from '../../db/tables/index.ts'
import type { Stored } from '../../store/store.ts'
import type { Area } from '../area.ts'

/** A file whose content is lost has the status `error` and answers no content, until its content is back. */
export const fileArea: Area = {
  prefix: 'files',
  async named(db) {
    const rows = await db.select().from(files)
    return rows.map(({ id, objectKey: key, bytes, status: before }) => {
      const isWhole = ([found]: readonly Stored[]) => found?.bytes === bytes
      const become = async (status: typeof before) => {
        const changed = await db
          .update(files)
          .set({ status })
          .where(and(eq(files.id, id), eq(files.status, before)))
          .returning({ id: files.id })
        return changed.length > 0
      }
      return before === 'error'
        ? { key, lost: { isWhole, heal: () => become('processed') } }
        : { key, expected: { isWhole, fail: () => become('error') } }
    })
  },
}
