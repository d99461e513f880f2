/** What kill.test.ts runs in a process of its own, to kill it: a worker that trains one job. */
import { join } from 'node:path'
import { openEngine } from '../../engine/index.ts'
import { baseModels } from '../../infra/base-models.ts'
import { connect } from '../../infra/db/client.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import type { JobId } from './job.ts'
import { runJob } from './run-job.ts'

const [url, root, id] = process.argv.slice(2) as [string, string, JobId]
const { db, close } = connect(url)
const store = diskStore(join(root, 'objects'))
const bases = baseModels(join(root, 'models'), { db, store })
const log = createLog({ name: 'test', level: 'silent' })
const training = { enqueue: async () => {} }
const cache = join(root, 'quantized')
const deps = { db, store, bases, training, openEngine, log, cache, device: 'cpu' } as const
await runJob(deps, id, new AbortController().signal)
await close()
