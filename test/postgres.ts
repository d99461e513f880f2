/** Starts one Postgres server for a whole test run (vitest's globalSetup), unless DATABASE_URL names one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../infra/db/embedded.ts'

export default async function setup(): Promise<() => Promise<void>> {
  if (process.env.DATABASE_URL) {
    process.env.TEST_DATABASE_URL = process.env.DATABASE_URL
    return async () => {}
  }
  const home = await mkdtemp(join(tmpdir(), 'preamble-test-'))
  const { url, stop } = await startEmbedded({ directory: join(home, 'postgres'), throwaway: true })
  process.env.TEST_DATABASE_URL = url
  return async () => {
    await stop()
    await rm(home, { recursive: true, force: true })
  }
}
