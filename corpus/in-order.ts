/** Puts millions of entries into another order without having them in memory. */
import { join } from 'node:path'
import { type Batch, Spool, startsIn } from './spool.ts'

/** Entries are put in order in memory so many bytes at a time. */
const heapBytes = 32 * 2 ** 20
/** Entries wait in memory until so many bytes of a heap can be written at once. */
const pageBytes = 128 * 1024
/** Entries in a batch. */
const batchEntries = 4096

/** Entries that follow one another in the new order from `first` on, in whichever order they came. */
type Heap = { spool: Spool; first: number }

export type Ordered = {
  /** Those at the places from `from` to `to`; both are 0, the number of all, or the cut. */
  batches(from: number, to: number): AsyncGenerator<Batch>
  close(): Promise<void>
}

/**
 * @param order which entry comes at each place
 * @param sizes of each entry, in bytes
 * @param cut no heap goes beyond this place
 * @param directory for files
 */
export async function putInOrder(
  entries: AsyncIterable<Batch>,
  { order, sizes, cut }: { order: Uint32Array; sizes: Uint32Array; cut: number },
  directory: string,
): Promise<Ordered> {
  const { heaps, placeOf, heapOf } = await makeHeaps(order, sizes, cut, directory)
  let index = 0
  for await (const { bytes, starts } of entries) {
    for (const at of starts) {
      bytes.writeUInt32LE(placeOf[index]!, at + 4)
      heaps[heapOf[index]!]!.spool.add(bytes, at, at + bytes.readUInt32LE(at))
      index += 1
    }
    for (const { spool } of heaps) await spool.flush(pageBytes)
  }
  return {
    async *batches(from, to) {
      for (const heap of heaps) if (heap.first >= from && heap.first < to) yield* sorted(heap)
    },
    async close() {
      for (const { spool } of heaps) await spool.close()
    },
  }
}

async function makeHeaps(order: Uint32Array, sizes: Uint32Array, cut: number, directory: string) {
  const placeOf = new Uint32Array(order.length)
  const heapOf = new Uint16Array(order.length)
  const heaps: Heap[] = []
  let bytes = 0
  for (const [place, index] of order.entries()) {
    if (heaps.length === 0 || place === cut || bytes + sizes[index]! > heapBytes) {
      heaps.push({
        spool: await Spool.create(join(directory, `heap-${heaps.length}`), pageBytes),
        first: place,
      })
      bytes = 0
    }
    bytes += sizes[index]!
    placeOf[index] = place
    heapOf[index] = heaps.length - 1
  }
  return { heaps, placeOf, heapOf }
}

async function* sorted({ spool, first }: Heap): AsyncGenerator<Batch> {
  const bytes = await spool.all()
  const starts = new Uint32Array(spool.count)
  for (const at of startsIn(bytes, bytes.length).starts) starts[bytes.readUInt32LE(at + 4) - first] = at
  for (let i = 0; i < starts.length; i += batchEntries)
    yield { bytes, starts: starts.subarray(i, i + batchEntries) }
}
