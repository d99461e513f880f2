/** Tables of cosines and sines for rotary position embedding, (positions, width/2) each. */
export type RopeTables = { cos: Float32Array; sin: Float32Array; positions: number; width: number }

/** Angle of pair j at position p: p · θ^(−2j/width). Frequencies are rounded to float32 first, as PyTorch does. */
export function ropeTables(positions: number, width: number, theta: number): RopeTables {
  const half = width / 2
  const frequencies = Float32Array.from({ length: half }, (_, j) => theta ** ((-2 * j) / width))
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let p = 0; p < positions; p++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround(p * frequencies[j]!)
      cos[p * half + j] = Math.cos(angle)
      sin[p * half + j] = Math.sin(angle)
    }
  }
  return { cos, sin, positions, width }
}
