/** From an uploaded file to a dataset, for whichever service asks: the row, and its three files in the store. */
import { join } from 'node:path'
import { and, eq } from 'drizzle-orm'
import type { Dataset, DatasetFileName, Split } from '../contract/dataset.ts'
import { ApiError } from '../contract/errors.ts'
import { type Id, newId } from '../contract/ids.ts'
import type { InProject } from '../infra/access/caller.ts'
import type { Database, Transaction } from '../infra/db/client.ts'
import { datasets, files, notExpired, unixSeconds } from '../infra/db/tables/index.ts'
import { announce } from '../infra/outbox.ts'
import type { Store } from '../infra/store/store.ts'
import { buildsOn, fail, inSpan, tell, tracePlace } from '../infra/traces/spans.ts'
import { prepare } from './prepare.ts'

type Also = (tx: Transaction, made: DatasetRow) => Promise<void>
type Asked = { fileId: string; split: Split; systemPrompt?: string | null }
export type MakeDeps = {
  db: Database
  store: Store
  /** A directory for what is written on the way. */
  scratch: string
}
type Deps = MakeDeps & InProject
export type DatasetRow = typeof datasets.$inferSelect

export const datasetKey = (id: Id<'dataset'>, name?: DatasetFileName): string =>
  name ? `datasets/${id}/${name}` : `datasets/${id}`

/**
 * Converts and splits a file. A corpus with errors makes a dataset that has failed and lists them; it has no files.
 * @param param the request's name for the file
 * @param also what belongs to the row, in its transaction: when it throws, there is no dataset
 * @throws ApiError when there is no such file
 */
export const makeDataset = (
  deps: Deps,
  request: Asked,
  param = 'file_id',
  also?: Also,
): Promise<DatasetRow> =>
  inSpan('convert file', { 'preamble.file.id': request.fileId }, () => convert(deps, request, param, also))

async function convert(
  { db, store, scratch, project }: Deps,
  request: Asked,
  param: string,
  also: Also | undefined,
): Promise<DatasetRow> {
  const { split, systemPrompt = null } = request
  const [file] = await db
    .select()
    .from(files)
    .where(and(eq(files.project, project), eq(files.id, request.fileId as Id<'file'>), notExpired))
  if (!file) throw new ApiError('not_found', `there is no file ${request.fileId}`, { param })
  if (file.status === 'error')
    throw new ApiError('not_found', `the content of file ${file.id} was lost; upload it again`, { param })
  buildsOn(file.trace)
  const id = newId('dataset')
  const corpus = { content: await store.get(file.objectKey), encoding: file.encoding }
  const { problems, counts } = await prepare(corpus, { ...split, systemPrompt }, scratch, (name, path) =>
    store.adopt(datasetKey(id, name), path),
  ).catch(async (error: unknown) => {
    await store.delete(datasetKey(id))
    throw error
  })
  const { firstError } = problems
  tell({ 'preamble.dataset.id': id, 'preamble.dataset.samples': counts.total })
  if (firstError) fail(firstError)
  const row = {
    id,
    project,
    fileId: file.id,
    status: firstError ? ('failed' as const) : ('ready' as const),
    split,
    systemPrompt,
    counts,
    problems: problems.list,
    problemsTotal: problems.total,
    error: firstError ? { code: firstError.code, message: sayWhere(firstError) } : null,
    trace: tracePlace(),
  }
  // The row comes last: a dataset that can be seen has all its files.
  return db.transaction(async (tx) => {
    const [made] = await tx.insert(datasets).values(row).returning()
    await announce(tx, project, `preamble.dataset.${row.status}`, id)
    await also?.(tx, made!)
    return made!
  })
}

const sayWhere = ({ line, column, path, message }: Dataset['problems'][number]) =>
  [line && `line ${line}`, column && `column ${column}`, path]
    .filter(Boolean)
    .join(', ')
    .concat(line || path ? ': ' : '', message)

/** The two sets of a ready dataset as local files. Throws `ObjectNotFound`. */
export async function setsOf(
  store: Pick<Store, 'directory'>,
  id: Id<'dataset'>,
): Promise<{ train: string; dev: string }> {
  const [train, dev] = ['train.json', 'dev.json'] as const
  const directory = await store.directory(datasetKey(id), { names: [train, dev] })
  return { train: join(directory, train), dev: join(directory, dev) }
}

export const toDataset = (row: DatasetRow): Dataset => ({
  id: row.id,
  object: 'dataset',
  created_at: unixSeconds(row.createdAt),
  status: row.status,
  file_id: row.fileId,
  split: row.split,
  system_prompt: row.systemPrompt,
  counts: row.counts,
  problems: row.problems,
  problems_total: row.problemsTotal,
  truncations: row.truncations,
  error: row.error,
})
