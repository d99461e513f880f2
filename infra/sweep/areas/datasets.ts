import { and, eq } from 'drizzle-orm'
import { DatasetFileName } from '../../../contract/dataset.ts'
import { datasets } from '../../db/tables/index.ts'
import { announce } from '../../outbox.ts'
import { type Area, areThere } from '../area.ts'

const needed = DatasetFileName.options.map((name) => ({ name }))
const error = {
  code: 'files_lost',
  message: 'files of the dataset were lost from storage; make it again from its file',
}

/** A dataset that has lost one of its files has failed. */
export const datasetArea: Area = {
  prefix: 'datasets',
  async named(db) {
    const { id, status } = datasets
    const rows = await db.select({ id, status }).from(datasets)
    return rows.map(({ id, status }) => {
      const key = `datasets/${id}`
      if (status !== 'ready') return { key }
      const fail = () =>
        db.transaction(async (tx) => {
          const [failed] = await tx
            .update(datasets)
            .set({ status: 'failed', error })
            .where(and(eq(datasets.id, id), eq(datasets.status, 'ready')))
            .returning()
          if (failed) await announce(tx, failed.project, 'preamble.dataset.failed', id)
          return failed !== undefined
        })
      return { key, expected: { isWhole: areThere(key, needed), fail } }
    })
  },
}
