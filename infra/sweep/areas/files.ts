import { and, eq, ne } from 'drizzle-orm'
import { files } from '../../db/tables/index.ts'
import type { Area } from '../area.ts'

/** A file whose content is lost has the status `error` and answers no content. */
export const fileArea: Area = {
  prefix: 'files',
  async named(db) {
    const rows = await db.select().from(files)
    return rows.map(({ id, objectKey: key, bytes, status }) => ({
      key,
      ...(status !== 'error' && {
        expected: {
          isWhole: ([found]) => found?.bytes === bytes,
          fail: async () => {
            const lost = await db
              .update(files)
              .set({ status: 'error' })
              .where(and(eq(files.id, id), ne(files.status, 'error')))
              .returning({ id: files.id })
            return lost.length > 0
          },
        },
      }),
    }))
  },
}
