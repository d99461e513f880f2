/**
 * The next of few sizes, `most` at the most: multiples of 8 up to 64, then four to each doubling (80, 96, 112, 128, 160,
 * …), so at most a quarter more beyond 64. Every new shape of a batch costs memory of the runtime's arena and, on a GPU,
 * work on its shaders.
 */
export function padded(size: number, most: number): number {
  const grain = 2 ** Math.max(3, Math.ceil(Math.log2(size)) - 3)
  return Math.min(Math.ceil(size / grain) * grain, Math.max(size, most))
}
