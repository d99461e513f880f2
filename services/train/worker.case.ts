/** What tests run in a process of its own, to kill or suspend it: a worker with a short lease. It ends with its parent. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { baseModels } from '../../infra/base-models.ts'
import { connect } from '../../infra/db/client.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { startJobs } from './start.ts'

const [url, root, leaseMs] = process.argv.slice(2) as [string, string, string]
const { db, close } = connect(url)
const store = diskStore(join(root, 'objects'))
const bases = baseModels(join(root, 'models'), { db, store })
// What it logs goes to whoever started it.
const log = createLog(
  { name: 'worker', level: 'info' },
  { write: (line) => process.send?.(JSON.parse(line)) },
)
const [cache, scratch] = [join(root, 'quantized'), join(root, 'scratch')]
const deps = { db, store, bases, openEngine, log, cache, scratch, device: 'cpu' } as const
const { stop } = startJobs(deps, { leaseMs: Number(leaseMs), pollMs: 20 })
process.on('disconnect', async () => {
  await stop()
  await close()
})
