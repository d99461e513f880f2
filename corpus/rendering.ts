/** A file of a dataset that is yet to be made of entries, described so that a thread of its own can be asked for it. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Heap, sorted } from './in-order.ts'
import { entriesOf } from './spool.ts'
import { jsonArray, writeConversation, writePair } from './write-json.ts'

export type Rendering = {
  /** Of a spool at this path, in the order they came, or of heaps, in the new one. */
  entries: string | readonly Heap[]
  /** `pairs` when all entries have two turns. */
  form: 'pairs' | 'conversations'
  /** Goes before conversations without a system turn. */
  system?: string | null
}

/** The file, piece by piece. */
export const render = ({ entries, form, system }: Rendering): AsyncGenerator<Uint8Array> =>
  jsonArray(
    typeof entries === 'string' ? entriesOf(entries) : sorted(entries),
    form === 'pairs' ? writePair : writeConversation(system),
  )

/** The same, made in a thread while what came before is written. */
export async function* renderInThread(rendering: Rendering): AsyncGenerator<Uint8Array> {
  const thread = new Worker(new URL('./render-thread.ts', import.meta.url), { workerData: rendering })
  // A piece is asked for before the one that came last is used.
  const next = () => {
    const answer = once(thread, 'message')
    answer.catch(() => {}) // heard of by who waits for it
    thread.postMessage('next')
    return answer
  }
  try {
    for (let coming = next(); ; ) {
      const [piece] = (await coming) as [Uint8Array | undefined]
      if (!piece) return
      coming = next()
      yield piece
    }
  } finally {
    await thread.terminate()
  }
}
