import { uploadParts } from '../../db/tables/index.ts'
import type { Area } from '../area.ts'

/** Parts of pending uploads; completing one says which of them was lost. */
export const uploadArea: Area = {
  prefix: 'uploads',
  async named(db) {
    const rows = await db.select().from(uploadParts)
    return rows.map(({ id, uploadId }) => ({ key: `uploads/${uploadId}/${id}` }))
  },
}
