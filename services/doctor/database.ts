import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import type { Config } from '../../infra/config.ts'
import { connect, type Database } from '../../infra/db/client.ts'
import { embeddedDirectory, reachServer } from '../../infra/db/open.ts'
import { within } from '../../infra/within.ts'
import { about, type Finding } from './finding.ts'

const database = about('database')
const patience = 10_000 // ms
const oldest = 14 // the oldest Postgres that still gets fixes

type Place = Pick<Config, 'databaseUrl' | 'home'>
type Reached = {
  finding: Finding
  /** Undefined: it cannot be asked. */
  db?: Database
  close(): Promise<void>
}

/** Asks the database for its version; an embedded one that does not run is started for it. */
export async function checkDatabase(config: Place): Promise<Reached> {
  const nothing = async () => {}
  const directory = embeddedDirectory(config)
  if (!config.databaseUrl && !(await isThere(join(directory, 'PG_VERSION')))) {
    const finding = database.ok(`none yet: the first start makes one in ${directory}`)
    return { finding, close: nothing }
  }
  let stop = nothing
  try {
    const server = await reachServer(config)
    stop = server.stop
    const { db, close } = connect(server.url)
    stop = () => close().finally(server.stop)
    const setting = sql`select current_setting('server_version') as version`
    const { rows } = await within(patience, db.execute<{ version: string }>(setting))
    return { finding: judge(rows[0]!.version, where(config)), db, close: stop }
  } catch (error) {
    // A connection that hangs keeps its pool open.
    await within(1000, stop()).catch(() => {})
    const place = config.databaseUrl ? `${where(config)}: ` : '' // the embedded one says itself where it is
    return { finding: database.fail(place + reasonOf(error)), close: nothing }
  }
}

function judge(version: string, place: string): Finding {
  const told = `Postgres ${version} answers: ${place}`
  if (Number.parseInt(version, 10) >= oldest) return database.ok(told)
  return database.warn(`${told}; its makers fix nothing older than ${oldest} any more, upgrade it`)
}

/** Without user and password. */
function where(config: Place): string {
  if (!config.databaseUrl) return embeddedDirectory(config)
  const { host, pathname } = new URL(config.databaseUrl)
  return `${host}${pathname}`
}

/** What Postgres, or the way to it, said. */
export function reasonOf(error: unknown): string {
  const { code = '', message } = ((error as Error).cause ?? error) as { code?: string; message: string }
  return reasons[code] ?? message
}

const reasons: Record<string, string | undefined> = {
  ECONNREFUSED: 'nothing listens there; start Postgres, or correct DATABASE_URL',
  ENOTFOUND: 'there is no such host; correct DATABASE_URL',
  '28P01': 'the user or the password is wrong; correct DATABASE_URL',
  '28000': 'this user may not connect; see pg_hba.conf, or correct DATABASE_URL',
  '3D000': 'there is no such database; create it, or correct DATABASE_URL',
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
