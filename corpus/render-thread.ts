/** The thread of `renderInThread`: answers each message with the next piece, and with nothing after the last one. */
import { parentPort, workerData } from 'node:worker_threads'
import { render } from './rendering.ts'

const pieces = render(workerData)
parentPort!.on('message', async () => {
  const { value } = await pieces.next()
  if (value) parentPort!.postMessage(value, [value.buffer])
  else parentPort!.postMessage(undefined)
})
