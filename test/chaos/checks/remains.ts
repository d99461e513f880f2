/** No object that no row names, no row without its objects, and no row that nothing leads to. */
import { datasetKey } from '../../../corpus/make-dataset.ts'
import type { Database } from '../../../infra/db/client.ts'
import { adapters, datasets, files, jobCheckpoints, jobs } from '../../../infra/db/tables/index.ts'
import { createLog } from '../../../infra/log.ts'
import { sweep } from '../../../infra/sweep/sweep.ts'
import { type Accepted, byUser } from '../jobs.ts'
import { problemOf } from '../models.ts'
import type { Storage } from '../storage.ts'
import type { Check } from './check.ts'

/** Sweeps as an operator would, now that nobody writes: without the time that an object may wait for its row. */
export async function checkSweep(db: Database, { store }: Storage): Promise<Check> {
  const log = createLog({ name: 'sweep', level: 'silent' })
  const { removed, lost } = await sweep({ db, store, log }, { graceMs: 0 })
  return { says: `the sweep removed ${removed.length} objects; no row had lost its own`, problems: lost }
}

export async function checkRemains(
  db: Database,
  storage: Storage,
  accepted: readonly Accepted[],
): Promise<Check[]> {
  const objects = await storage.objects()
  const rows = {
    files: await db.select().from(files),
    datasets: await db.select().from(datasets),
    adapters: await db.select().from(adapters),
    checkpoints: await db.select().from(jobCheckpoints),
    jobs: await db.select().from(jobs),
  }
  const ready = rows.datasets.filter(({ status }) => status === 'ready')
  const datasetKeys = ready.flatMap(({ id }) =>
    (['original.json', 'train.json', 'dev.json'] as const).map((name) => datasetKey(id, name)),
  )
  const named = new Set([...rows.files.map(({ objectKey }) => objectKey), ...datasetKeys])
  const directories = new Set([...rows.adapters, ...rows.checkpoints].map(({ objectKey }) => objectKey))
  const orphans = [...objects.keys()].filter(
    (key) => !named.has(key) && !directories.has(key.slice(0, key.lastIndexOf('/'))),
  )

  const broken: string[] = []
  for (const { id, objectKey, bytes } of rows.files)
    if (objects.get(objectKey) !== bytes) broken.push(`${id}: ${objects.get(objectKey)} bytes, not ${bytes}`)
  for (const key of datasetKeys) if (!objects.has(key)) broken.push(`${key} is not there`)
  for (const row of rows.adapters) {
    const problem = await problemOf(storage.store, row)
    if (problem) broken.push(`${row.model}: ${problem}`)
  }

  const count = Object.entries(rows).map(([name, { length }]) => `${length} ${name}`)
  return [
    { says: `${objects.size} objects are named by rows`, problems: orphans },
    { says: `${count.join(', ')}: rows have their objects`, problems: broken },
    {
      says: 'rows lead to one another',
      problems: lostRows(rows, new Set(accepted.flatMap(({ deleted }) => deleted))),
    },
  ]
}

type Rows = {
  files: (typeof files.$inferSelect)[]
  datasets: (typeof datasets.$inferSelect)[]
  adapters: (typeof adapters.$inferSelect)[]
  checkpoints: (typeof jobCheckpoints.$inferSelect)[]
  jobs: (typeof jobs.$inferSelect)[]
}

/** Rows that a change left which was not made as a whole. */
function lostRows(
  { files, datasets, adapters, checkpoints, jobs }: Rows,
  deleted: ReadonlySet<string>,
): string[] {
  const named = new Set<string>(jobs.flatMap((job) => [job.datasetId ?? '', ...job.resultFiles]))
  const there = new Set([...deleted, ...adapters.map(({ model }) => model), ...files.map(({ id }) => id)])
  const keys = new Set(adapters.map(({ objectKey }) => objectKey))
  return [
    ...files.flatMap(({ id, purpose }) =>
      purpose === 'fine-tune-results' && !named.has(id) ? [`${id}: the results of no job`] : [],
    ),
    ...datasets.flatMap(({ id, systemPrompt, status }) =>
      status === 'ready' && systemPrompt !== byUser && !named.has(id) ? [`${id}: the dataset of no job`] : [],
    ),
    ...jobs.flatMap(({ id, fineTunedModel, resultFiles }) => [
      ...[fineTunedModel ?? [], resultFiles]
        .flat()
        .flatMap((made) => (there.has(made) ? [] : [`${id}: there is no ${made}`])),
    ]),
    ...checkpoints.flatMap(({ id, objectKey }) => (keys.has(objectKey) ? [] : [`${id}: no model of it`])),
  ]
}
