/** A file of a dataset that is yet to be made of entries, described so that a thread can be asked for it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Heap, sorted } from './in-order.ts'
import { PagedFile } from './paged-file.ts'
import { entriesOf } from './spool.ts'
import { writeArray, writeConversation, writePair } from './write-json.ts'

export type Rendering = {
  /** The file that is made. */
  path: string
  /** Those of a file, in the order they came, or of heaps, in the new one. */
  entries: string | readonly Heap[]
  /** `pairs` when all entries have two turns. */
  form: 'pairs' | 'conversations'
  /** Goes before conversations without a system turn. */
  system?: string | null
}

const pageBytes = 2 ** 20

export async function render({ path, entries, form, system }: Rendering): Promise<void> {
  const file = await PagedFile.create(path, pageBytes)
  try {
    const batches = typeof entries === 'string' ? entriesOf(entries) : sorted(entries)
    await writeArray(file, batches, form === 'pairs' ? writePair : writeConversation(system))
  } finally {
    await file.close()
  }
}

/** The same in a thread of its own. */
export async function renderInThread(rendering: Rendering): Promise<void> {
  const thread = new Worker(new URL('./render-thread.ts', import.meta.url), { workerData: rendering })
  await once(thread, 'exit')
}
