/** What each step of a run came to, the first one at index 0. */
export type Curve = {
  /** Mean cross-entropy over the step's labelled tokens, in nats. */
  loss: number[]
  learningRate: number[]
  /** Tokens trained on so far, padding aside. */
  tokens: number[]
}

const columns = ['loss', 'learningRate', 'tokens'] as const

/** Column by column as float64: 24 bytes a step. */
export const encodeCurve = (curve: Curve): Uint8Array =>
  new Uint8Array(Float64Array.from(columns.flatMap((column) => curve[column])).buffer)

/** @throws an Error when it is not of so many steps */
export function decodeCurve(bytes: Uint8Array, steps: number): Curve {
  if (bytes.length !== columns.length * 8 * steps)
    throw new Error(
      `a curve of ${steps} steps takes ${columns.length * 8 * steps} bytes, not ${bytes.length}`,
    )
  const values = new Float64Array(bytes.slice().buffer)
  const [loss, learningRate, tokens] = columns.map((_, i) => [...values.subarray(i * steps, (i + 1) * steps)])
  return { loss: loss!, learningRate: learningRate!, tokens: tokens! }
}
