/** Tables of cosines and sines for rotary position embedding, (positions, width/2) each. */
export type RopeTables = { cos: Float32Array; sin: Float32Array; positions: number; width: number }

export type Rope = {
  /** Leading dims of each head that are rotated. */
  width: number
  theta: number
  scaling?: RopeScaling
  /** Pairs are neighbours (2j, 2j + 1), as in ChatGLM; else the two halves of the width, as in Llama. */
  interleaved: boolean
}

/** How a model trained on short texts was stretched to long ones; the names are those of config.json's `rope_type`. */
export type RopeScaling =
  /** All positions divided by `factor`. */
  | { type: 'linear'; factor: number }
  /** Llama 3.1: slow pairs are divided, fast ones kept, and those between blended. */
  | { type: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalLength: number }

/**
 * Angle of pair j at position p: p · f_j, with f_j = θ^(−2j/width) before scaling. Frequencies are rounded to float32
 * first, as PyTorch does.
 * @param first the position of the tables' first row
 */
export function ropeTables({ width, theta, scaling }: Rope, positions: number, first = 0): RopeTables {
  const half = width / 2
  const scaled = scalingOf(scaling)
  const frequencies = Float32Array.from({ length: half }, (_, j) => scaled(theta ** ((-2 * j) / width)))
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let p = 0; p < positions; p++) {
    for (let j = 0; j < half; j++) {
      const angle = Math.fround((first + p) * frequencies[j]!)
      cos[p * half + j] = Math.cos(angle)
      sin[p * half + j] = Math.sin(angle)
    }
  }
  return { cos, sin, positions, width }
}

function scalingOf(scaling: RopeScaling | undefined): (frequency: number) => number {
  switch (scaling?.type) {
    case undefined:
      return (f) => f
    case 'linear':
      return (f) => f / scaling.factor
    case 'llama3': {
      const { factor, lowFreqFactor: low, highFreqFactor: high, originalLength } = scaling
      return (f) => {
        const turns = (originalLength * f) / (2 * Math.PI) // of this pair over the length it was trained on
        const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1)
        return kept * f + ((1 - kept) * f) / factor
      }
    }
  }
}
