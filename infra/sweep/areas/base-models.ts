import { and, eq } from 'drizzle-orm'
import { baseModelTable } from '../../db/tables/index.ts'
import { type Area, areThere } from '../area.ts'

const code = 'files_lost'
const lost = 'files of the model were lost from storage;'
const messages = {
  hub: `${lost} pull it again`,
  path: `${lost} delete it, and add it again`,
}

/** A base that has lost one of its files has failed; a pull fetches it again. */
export const baseModelArea: Area = {
  prefix: 'base_models',
  async named(db) {
    const rows = await db.select().from(baseModelTable)
    return rows.map(({ id, status, origin, files, objectKey: key }) => {
      if (status !== 'ready') return { key } // what is being pulled is not whole yet
      const fail = async () => {
        const failed = await db
          .update(baseModelTable)
          .set({ status: 'failed', error: { code, message: messages[origin] } })
          .where(and(eq(baseModelTable.id, id), eq(baseModelTable.objectKey, key)))
          .returning({ id: baseModelTable.id })
        return failed.length > 0
      }
      return { key, expected: { isWhole: areThere(key, files), fail } }
    })
  },
}
