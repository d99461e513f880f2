/** `npm run sweep`: what ingest and the training workers do every hour, at once. */
import { readConfig } from '../infra/config.ts'
import { openDatabase } from '../infra/db/open.ts'
import { createLog } from '../infra/log.ts'
import { openStore } from '../infra/store/open.ts'
import { sweep } from '../infra/sweep/sweep.ts'

const config = readConfig()
const log = createLog({ name: 'sweep', level: config.logLevel })
const { db, close } = await openDatabase(config)
try {
  const { expired, removed, lost, healed } = await sweep({ db, store: await openStore(config), log })
  console.log(
    `removed ${expired.length} things that had expired and ${removed.length} objects that no row names; found ${lost.length} rows whose objects are lost, and ${healed.length} whose objects are back`,
  )
} finally {
  await close()
}
