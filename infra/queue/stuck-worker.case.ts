/** A worker process for the queue's test: it takes an id, says so, and never settles it. */
import { createLog } from '../log.ts'
import { openQueue } from './queue.ts'

process.once('disconnect', () => process.exit()) // the test is gone
const [url, name] = process.argv.slice(2)
const queue = await openQueue(url!, name!, createLog({ name: 'test', level: 'silent' }))
await queue.work(async (id) => {
  process.send!(id)
  await new Promise(() => {})
})
