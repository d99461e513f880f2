/** Where the `count` largest values are, the largest first; of equal ones the first. One pass with a heap of `count`. */
export function largest(values: Float32Array, count: number): Int32Array {
  const size = Math.min(count, values.length)
  const heap = Int32Array.from({ length: size }, (_, i) => i) // the least of them on top
  const less = (a: number, b: number) => values[a]! < values[b]! || (values[a]! === values[b]! && a > b)
  const sink = (from: number, end: number) => {
    const item = heap[from]!
    let at = from
    for (let child = 2 * at + 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && less(heap[child + 1]!, heap[child]!)) child += 1
      if (!less(heap[child]!, item)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = item
  }
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(i, size)
  let least = size > 0 ? values[heap[0]!]! : Number.POSITIVE_INFINITY
  for (let i = size; i < values.length; i++) {
    if (values[i]! <= least) continue
    heap[0] = i
    sink(0, size)
    least = values[heap[0]!]!
  }
  // The least goes behind the others, again and again: what is left is in falling order.
  for (let end = size - 1; end > 0; end--) {
    const item = heap[0]!
    heap[0] = heap[end]!
    heap[end] = item
    sink(0, end)
  }
  return heap
}

/** Where the largest value is; of equal ones the first. */
export function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
