import type { Database } from '../../infra/db/client.ts'
import { type MigrationState, migrationState } from '../../infra/db/migrate.ts'
import { reasonOf } from './database.ts'
import { about, type Finding } from './finding.ts'

const migrations = about('migrations')

/** Whether the tables are those of this version. */
export async function checkMigrations(db: Database): Promise<Finding> {
  try {
    return judge(await migrationState(db))
  } catch (error) {
    return migrations.fail(`they cannot be read: ${reasonOf(error)}`)
  }
}

function judge({ applied, pending, leftOut, unknown }: MigrationState): Finding {
  if (unknown.length > 0) {
    const days = unknown.map((day) => day.toISOString().slice(0, 10)).join(', ')
    return migrations.fail(
      `${unknown.length} of another version than this one (written ${days}): run that version, or restore a backup`,
    )
  }
  if (leftOut > 0)
    return migrations.fail(`${leftOut} were never applied, though later ones were: restore a backup`)
  if (pending > 0)
    return migrations.warn(
      `${applied} applied, ${pending} to come: the next start applies them, back up first`,
    )
  return migrations.ok(`all ${applied} applied`)
}
