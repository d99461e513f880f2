/** Pulling a model: its files one after the other, and only when all are there and verified is it ready. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BaseModelFile } from '../../contract/base-model.ts'
import { checkBase, checkConfig } from '../../engine/index.ts'
import type { Database } from '../../infra/db/client.ts'
import type { Log } from '../../infra/log.ts'
import type { Store } from '../../infra/store/store.ts'
import { advance, type BaseModelRow, findRow } from './base-model.ts'
import { download } from './download.ts'
import { type HubFile, listRepository, PullError, type Repository } from './hub.ts'
import { neededFiles } from './needed-files.ts'
import { patience, retry } from './retry.ts'

export type PullDeps = {
  db: Database
  store: Store
  log: Log
  /** A directory for files that are not whole yet. */
  downloads: string
  hub: { endpoint: string; token: string | undefined }
  /** Waits before further attempts, in ms. */
  waits?: readonly number[]
}

/** How often progress is written down. */
const progressMs = 500

/** Where the parts of a model that is being pulled lie. */
export const partsOf = (downloads: string, { objectKey }: Pick<BaseModelRow, 'objectKey'>) =>
  join(downloads, objectKey.replaceAll('/', '~'))

/**
 * Pulls the model of a row that was taken, from where an earlier attempt stopped; what goes wrong is told by its row.
 * @throws `signal.reason` when it is told to stop: the parts stay, and the model is still downloading
 */
export async function pullModel(deps: PullDeps, row: BaseModelRow, signal: AbortSignal): Promise<void> {
  const { db, log } = deps
  try {
    await pull(deps, row, signal)
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = asFailure(error)
    log.warn({ model: row.id, code, err: error }, 'pull failed')
    const failed = await advance(db, whose(row), { status: 'failed', error: { code, message } })
    if (!failed || code === 'unsupported_model') await dropParts(deps, row)
  }
}

const whose = (row: BaseModelRow) => ({ id: row.id, status: ['downloading'], held: row }) as const

async function pull(deps: PullDeps, row: BaseModelRow, signal: AbortSignal): Promise<void> {
  const { db, store, downloads, hub, waits = patience } = deps
  const endpoint = row.endpoint ?? hub.endpoint
  // The token is the hub's of the server; another endpoint has no business with it.
  const token = endpoint === hub.endpoint ? hub.token : undefined
  const repository: Repository = { name: row.source, endpoint, token }
  // A pull that goes on stays with the commit it began with.
  const revision = row.commit ?? row.revision ?? 'main'
  const { commit, files } = await retry(() => listRepository(repository, revision, signal), {
    waits: waits.slice(0, 3), // nothing is lost yet: rather say soon that nobody answers
    signal,
    advice: `is ${endpoint} the hub? pull again to try again`,
  })
  const needed = choose(files, row.source)
  const bytes = needed.reduce((sum, file) => sum + file.bytes, 0)
  const listed = needed.map(({ name, bytes, sha256 }): BaseModelFile => ({ name, bytes, sha256 }))
  const known = await advance(db, whose(row), { commit, bytes, files: listed })
  if (!known) return

  const parts = partsOf(downloads, row)
  await mkdir(parts, { recursive: true })
  const progress = reporter(deps, row)
  const stop = AbortSignal.any([signal, progress.gone])
  for (const file of needed) {
    const path = join(parts, file.name)
    const onProgress = (there: number) => progress.at(file.name, there)
    const { sha256 } = await download({
      repository,
      commit,
      file,
      path,
      signal: stop,
      onProgress,
      waits,
    })
    listed.find(({ name }) => name === file.name)!.sha256 = sha256
    // A model that cannot be run is refused before its weights are fetched.
    if (file.name === 'config.json') usable(parts, checkConfig)
  }
  usable(parts, checkBase)
  await progress.end()
  // A place of its own for each attempt: a worker that was taken for dead writes nothing where another one does.
  const objectKey = `${row.objectKey}/${row.attempt}`
  for (const { name } of needed) await store.adopt(`${objectKey}/${name}`, join(parts, name))
  const ready = { status: 'ready', files: listed, bytesDone: bytes, error: null, objectKey } as const
  if (!(await advance(db, whose(row), ready))) await store.delete(objectKey)
  await dropParts(deps, row)
}

/** Removes the parts, unless another worker has taken the pull and goes on with them. */
async function dropParts({ db, downloads }: PullDeps, row: BaseModelRow): Promise<void> {
  const now = await findRow(db, row.id)
  const isOthers = now?.status === 'downloading' && now.objectKey === row.objectKey
  if (!isOthers) await rm(partsOf(downloads, row), { recursive: true, force: true })
}

function choose(files: readonly HubFile[], source: string): HubFile[] {
  const names = neededFiles(files.map(({ name }) => name))
  if (!names.includes('config.json') || !names.some((name) => /\.(safetensors|bin)$/.test(name)))
    throw new PullError(
      'no_model',
      `${source} is no model that can be used: it needs config.json and weights as safetensors or pytorch_model.bin`,
    )
  return names.map((name) => files.find((file) => file.name === name)!)
}

function usable(parts: string, check: (directory: string) => void): void {
  try {
    check(parts)
  } catch (error) {
    throw new PullError('unsupported_model', (error as Error).message.replaceAll(`${parts}/`, ''), {
      cause: error,
    })
  }
}

/** Writes the sum of all files' progress down, now and then; `gone` says that the pull is not ours any more. */
function reporter({ db, log }: PullDeps, row: BaseModelRow) {
  const there = new Map<string, number>()
  const gone = new AbortController()
  let last = 0
  let writing: Promise<unknown> = Promise.resolve()
  return {
    gone: gone.signal,
    at(name: string, bytes: number) {
      there.set(name, bytes)
      if (Date.now() - last < progressMs) return
      last = Date.now()
      const bytesDone = [...there.values()].reduce((sum, n) => sum + n, 0)
      writing = advance(db, whose(row), { bytesDone })
        .then((row) => row ?? gone.abort())
        .catch((err: unknown) => log.warn({ model: row.id, err }, 'could not write progress down'))
    },
    end: () => writing,
  }
}

function asFailure(error: unknown): { code: string; message: string } {
  if (error instanceof PullError) return error
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
    return { code: 'disk_full', message: 'the disk is full; make room and pull again to go on from there' }
  return { code: 'server_error', message: "the pull failed inside the server; the server's log says why" }
}
