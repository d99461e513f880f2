/** The least weight that is kept, and how many of exactly this weight are. */
export type Nucleus = { least: number; ties: number }

// By the first 16 bits of a float32: sign, exponent, and 7 bits of the fraction. Those of positive numbers rise with them.
const masses = new Float64Array(2 ** 15)
const binsUpTo1 = 0x3f80 + 1

/**
 * The fewest of the largest weights, each in [0, 1], that together reach `share` of their `total`. Their masses are
 * summed up by bins; only the bin in which the share is reached is sorted.
 */
export function nucleusOf(weights: Float32Array, total: number, share: number): Nucleus {
  const bits = new Int32Array(weights.buffer, weights.byteOffset, weights.length)
  masses.fill(0, 0, binsUpTo1)
  for (let i = 0; i < weights.length; i++) masses[bits[i]! >> 16]! += weights[i]!
  let missing = share * total
  let bin = binsUpTo1 - 1
  while (bin > 0 && masses[bin]! < missing) missing -= masses[bin--]!

  const inBin: number[] = []
  for (let i = 0; i < weights.length; i++)
    if (bits[i]! >> 16 === bin && weights[i]! > 0) inBin.push(weights[i]!)
  inBin.sort((a, b) => b - a)
  let least = 0
  let ties = 0
  for (const weight of inBin) {
    ties = weight === least ? ties + 1 : 1
    least = weight
    missing -= weight
    if (missing <= 0) break
  }
  return { least, ties }
}
