import type { Config } from '../../infra/config.ts'
import { checkAddress } from './address.ts'
import { findBases } from './bases.ts'
import { checkDatabase } from './database.ts'
import { checkDevices } from './device.ts'
import { checkDisk } from './disk.ts'
import type { Finding } from './finding.ts'
import { checkMemory } from './memory.ts'
import { checkMigrations } from './migrations.ts'
import { checkModels } from './models.ts'
import { checkStorage } from './storage.ts'

/** Checks one thing after another, what takes long at the end; nothing is changed but for a probe in the storage. */
export async function* examine(config: Config): AsyncGenerator<Finding, void, void> {
  yield await checkAddress(config)
  const { finding, db, close } = await checkDatabase(config)
  try {
    yield finding
    const migrations = db && (await checkMigrations(db))
    if (migrations) yield migrations
    const storage = await checkStorage(config)
    yield storage.finding
    yield* checkDisk(config)
    yield* checkDevices(config)
    // Other tables than ours cannot be asked.
    const shelf = migrations?.state === 'ok' && storage.store ? { db: db!, store: storage.store } : undefined
    const bases = await findBases(config, shelf)
    yield checkMemory(config, bases)
    yield* checkModels(config, bases)
  } finally {
    await close()
  }
}
