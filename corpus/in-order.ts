/** Puts millions of entries into another order without having them in memory. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PagedFile } from './paged-file.ts'
import { type Batch, readFull, startsIn } from './spool.ts'

/** Entries are put in order in memory so many bytes at a time: few enough for a cache, and 512 open files for 8 GiB. */
const heapBytes = 16 * 2 ** 20
/** Entries wait in memory until so many bytes of a heap can be written at once. */
const pageBytes = 64 * 1024
/** Entries in a batch. */
const batchEntries = 4096

/** A file with `count` entries that follow one another in the new order from `first` on, in whichever order they came. */
export type Heap = { path: string; first: number; count: number; bytes: number }

/**
 * @param order which entry comes at each place
 * @param sizes of each entry, in bytes
 * @param cut no heap goes beyond this place
 * @param directory for the heaps, which are in the new order
 */
export async function putInOrder(
  entries: AsyncIterable<Batch>,
  { order, sizes, cut }: { order: Uint32Array; sizes: Uint32Array; cut: number },
  directory: string,
): Promise<Heap[]> {
  const { heaps, placeOf, heapOf } = divide(order, sizes, cut, directory)
  const files: PagedFile[] = []
  try {
    for (const { path } of heaps) files.push(await PagedFile.create(path, pageBytes))
    let index = 0
    for await (const { bytes, starts } of entries) {
      for (const at of starts) {
        bytes.writeUInt32LE(placeOf[index]!, at + 4)
        files[heapOf[index]!]!.page.add(bytes, at, at + bytes.readUInt32LE(at))
        index += 1
      }
      for (const file of files) if (file.isFull) await file.flush()
    }
    for (const file of files) await file.end()
    return heaps
  } finally {
    for (const file of files) await file.close()
  }
}

function divide(order: Uint32Array, sizes: Uint32Array, cut: number, directory: string) {
  const placeOf = new Uint32Array(order.length)
  const heapOf = new Uint16Array(order.length)
  const heaps: Heap[] = []
  let heap: Heap | undefined
  for (let place = 0; place < order.length; place++) {
    const index = order[place]!
    if (!heap || place === cut || heap.bytes + sizes[index]! > heapBytes) {
      heap = { path: join(directory, `heap-${heaps.length}`), first: place, count: 0, bytes: 0 }
      heaps.push(heap)
    }
    heap.count += 1
    heap.bytes += sizes[index]!
    placeOf[index] = place
    heapOf[index] = heaps.length - 1
  }
  return { heaps, placeOf, heapOf }
}

/** The entries of heaps in the new order. */
export async function* sorted(heaps: readonly Heap[]): AsyncGenerator<Batch> {
  const most = Math.max(0, ...heaps.map(({ bytes }) => bytes))
  const memory = Buffer.allocUnsafeSlow(most)
  for (const { path, first, count, bytes: length } of heaps) {
    const bytes = memory.subarray(0, length)
    const file = await open(path)
    await readFull(file, bytes).finally(() => file.close())
    const starts = new Uint32Array(count)
    for (const at of startsIn(bytes, length).starts) starts[bytes.readUInt32LE(at + 4) - first] = at
    for (let i = 0; i < count; i += batchEntries)
      yield { bytes, starts: starts.subarray(i, i + batchEntries) }
  }
}
