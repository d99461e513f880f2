/** The thread of `renderInThread`. */
import { workerData } from 'node:worker_threads'
import { render } from './rendering.ts'

await render(workerData)
