/**
 * Processes die between an object and its row. The sweep sees to it that store and database agree in the end: what no row
 * names is removed, and what has lost its objects fails. Where a whole area has nothing that rows name, it is the store
 * that is not there, and nothing is touched.
 */
import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'
import type { Store, Stored } from '../store/store.ts'
import type { Area } from './area.ts'
import { areas as allAreas } from './areas.ts'
import { expire } from './expire.ts'

export type SweepDeps = { db: Database; store: Store; log: Log; areas?: readonly Area[] }

export type SweepOptions = {
  now?: Date
  /** How long an object may be there without a row. */
  graceMs?: number
  /** Ends it before its end. */
  signal?: AbortSignal
}

export type Swept = {
  /** Keys of what was to stay for some time only. */
  expired: string[]
  /** Keys of objects that no row named. */
  removed: string[]
  /** Keys of what rows named and the store has lost. */
  lost: string[]
  /** Keys of what rows said was lost, and is there again. */
  healed: string[]
}

/** Objects come before their rows: a younger one may be waiting for its row still, or for those written beside it. */
const usualGrace = 24 * 3_600_000 // ms

/**
 * Sweeps all areas. Safe beside everything else that runs, other sweeps too.
 * @throws Error when store and database have nothing in common: one of them is not the right one
 */
export async function sweep(
  { db, store, log, areas = allAreas }: SweepDeps,
  { now = new Date(), graceMs = usualGrace, signal }: SweepOptions = {},
): Promise<Swept> {
  const look = (area: Area) => lookAt(area, { db, store }, signal)
  const looks = await Promise.all(areas.map(look))
  mustMatch(looks)
  const removed: string[] = []
  const lost: string[] = []
  const healed: string[] = []
  for (const { area, orphans, missing, back, isAway } of looks) {
    if (isAway) {
      log.error(
        { area: area.prefix },
        'not swept: nothing that rows name is there; is this part of the storage away?',
      )
      continue
    }
    for (const [key, heal] of back) {
      if (!(await heal())) continue
      log.info({ key }, 'what was lost from the store is there again')
      healed.push(key)
    }
    for (const { key, since } of orphans) {
      if (now.getTime() - since.getTime() < graceMs) continue
      await store.delete(key)
      log.warn({ key }, 'removed an object that no row names')
      removed.push(key)
    }
    if (missing.size === 0) continue
    // Once more: their rows may have come after the look at the store.
    const again = await look(area)
    if (again.isAway) continue
    for (const [key, fail] of again.missing) {
      if (!missing.has(key) || !(await fail())) continue
      log.error({ key }, 'the store has lost what a row names')
      lost.push(key)
    }
  }
  const expired = await expire({ db, store })
  return { expired, removed, lost, healed }
}

type Look = {
  area: Area
  names: number
  kept: number
  orphans: Stored[]
  /** Keys of what is not whole, and how its row fails. */
  missing: Map<string, () => Promise<boolean>>
  /** Keys of what is whole again, and how its row is told. */
  back: Map<string, () => Promise<boolean>>
  /** Rows expect objects here, and none of them has any. */
  isAway: boolean
}

/** The store first: an object that is seen there has its row by now, or is young, or will never have one. */
async function lookAt(
  area: Area,
  { db, store }: Pick<SweepDeps, 'db' | 'store'>,
  signal: AbortSignal | undefined,
): Promise<Look> {
  const objects: Stored[] = []
  for await (const object of store.walk(area.prefix)) {
    signal?.throwIfAborted()
    objects.push(object)
  }
  const named = await area.named(db)
  const belonging = new Map(named.map(({ key }) => [key, [] as Stored[]]))
  const orphans = objects.filter((object) => {
    const owner = pathsOf(object.key).find((path) => belonging.has(path))
    if (owner !== undefined) belonging.get(owner)!.push(object)
    return owner === undefined
  })
  const missing: Look['missing'] = new Map()
  const back: Look['back'] = new Map()
  for (const { key, expected, lost } of named) {
    const found = belonging.get(key)!
    if (expected && !expected.isWhole(found)) missing.set(key, expected.fail)
    if (lost?.isWhole(found)) back.set(key, lost.heal)
  }
  const kept = objects.length - orphans.length
  const isAway = kept === 0 && named.some(({ expected }) => expected)
  return { area, names: named.length, kept, orphans, missing, back, isAway }
}

/** The key itself, and all that it lies below. */
const pathsOf = (key: string): string[] => {
  const names = key.split('/')
  return names.map((_, i) => names.slice(0, i + 1).join('/'))
}

function mustMatch(looks: readonly Look[]): void {
  const sum = (of: (look: Look) => number) => looks.reduce((total, look) => total + of(look), 0)
  const [names, kept, orphans] = [
    sum((look) => look.names),
    sum((look) => look.kept),
    sum((look) => look.orphans.length),
  ]
  if (kept > 0 || names + orphans === 0) return
  throw new Error(
    `not swept: the database names ${names} things, the store has ${orphans} objects, and none is the same; do DATABASE_URL and STORAGE_URL belong together?`,
  )
}
