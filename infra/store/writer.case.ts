/** What disk.test.ts runs in processes of their own: writes one object over and over, each time of one letter. */
import { Readable } from 'node:stream'
import { diskStore } from './disk.ts'

const [root, letter] = process.argv.slice(2) as [string, string]
const store = diskStore(root)
let running = true
process.on('disconnect', () => {
  running = false
})
while (running) {
  await store.put('shared/deep/object', Readable.from(Array(10).fill(Buffer.alloc(10_000, letter))))
}
