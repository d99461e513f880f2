/** A real S3 server, and before it a line on which calls fail. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { paginateListObjectsV2 } from '@aws-sdk/client-s3'
import type { Random } from '../../engine/random.ts'
import { openStore } from '../../infra/store/open.ts'
import { openBucket } from '../../infra/store/s3/bucket.ts'
import { flakyLine } from '../../infra/store/s3/flaky.case.ts'
import type { Store } from '../../infra/store/store.ts'

export type Storage = {
  /** For the services: over the line. */
  url: string
  /** Environment that opens it. */
  keys: Record<string, string>
  /** Past the line. */
  store: Store
  /** The size of every object there is. */
  objects(): Promise<Map<string, number>>
  /** Share of calls that fail from now on. */
  fail(share: number): void
  /** Calls so far, and those that were made to fail. */
  counts: { calls: number; failed: number }
  stop(): void
}

/** Not reached, reached and not done, done and not answered, answered in half. */
const fates = ['busy', 'reset', 'lost', 'cut'] as const

export async function openStorage(directory: string, random: Random): Promise<Storage> {
  const { settings, pid } = await startServer(directory)
  process.once('exit', () => process.kill(pid))
  const keys = {
    AWS_ACCESS_KEY_ID: settings.AWS_ACCESS_KEY_ID!,
    AWS_SECRET_ACCESS_KEY: settings.AWS_SECRET_ACCESS_KEY!,
  }
  Object.assign(process.env, keys)
  const direct = new URL(settings.TEST_STORAGE_URL!)
  const line = await flakyLine(direct.searchParams.get('endpoint')!)
  const flaky = new URL(direct)
  flaky.searchParams.set('endpoint', line.url)
  const counts = { calls: 0, failed: 0 }
  let share = 0
  line.decide(() => {
    counts.calls += 1
    if (random.uniform() >= share) return 'well'
    counts.failed += 1
    return fates[random.below(fates.length)]!
  })
  const bucket = openBucket(direct)
  return {
    url: flaky.href,
    keys,
    counts,
    store: await openStore({ storageUrl: direct.href, home: join(directory, 'direct') }),
    async objects() {
      const found = new Map<string, number>()
      const pages = paginateListObjectsV2({ client: bucket.client }, { Bucket: bucket.name })
      for await (const { Contents = [] } of pages)
        for (const { Key, Size } of Contents) found.set(Key!, Size!)
      return found
    },
    fail(wanted) {
      share = wanted
    },
    stop: () => line.close(),
  }
}

/** What `.ci/s3-server` prints: what to export, and the process to end. */
async function startServer(directory: string): Promise<{ settings: Record<string, string>; pid: number }> {
  const script = join(import.meta.dirname, '../../.ci/s3-server')
  const { stdout } = await promisify(execFile)(script, [join(directory, 's3')]).catch((error) => {
    throw new Error(`no S3 server could be built, which takes Go: ${error.stderr.trim().split('\n').at(-1)}`)
  })
  const settings = Object.fromEntries(
    [...stdout.matchAll(/(\w+)='?([^'\s]+)/g)].map(([, name, value]) => [name, value] as const),
  ) as Record<string, string>
  return { settings, pid: Number(settings.s3_server) }
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
