/** The inputs of one pass through a model: as nodes of a graph, and as the arrays they are fed. */
import { input } from '../graph/build.ts'
import { type Dim, plus } from '../graph/dim.ts'
import { ropeTables } from '../nn/rope.ts'
import type { Value } from '../runtime/session.ts'
import type { Model, Step } from './model.ts'

/**
 * The inputs of a pass over B sequences of T tokens that follow `past` cached rows.
 * @param masks 1 where all sequences share a mask, 'B' where each has its own
 * @param compact whether padding is only there in attention: `present` says which tokens are more than that
 */
export function stepInputs(model: Model, past: Dim, masks: 1 | 'B' = 1, compact = false): Step {
  const table = (name: string) => input(name, ['R', model.rope.width / 2])
  return {
    tokens: input('tokens', ['B', 'T'], 'int64'),
    positions: input('positions', ['B', 'T'], 'int64'),
    mask: input('mask', [masks, 1, 'T', plus(past, 'T')]),
    cos: table('cos'),
    sin: table('sin'),
    ...(compact && { present: input('present', ['M'], 'int64') }),
  }
}

/** The rotary tables that a run over `positions` positions from `first` on is fed. */
export function ropeFeeds(model: Model, positions: number, first = 0): Record<'cos' | 'sin', Value> {
  const { cos, sin, width } = ropeTables(model.rope, positions, first)
  const shape = [positions, width / 2]
  return { cos: { data: cos, shape }, sin: { data: sin, shape } }
}

const masked = -1e9 // exp of it is 0 in float32, and unlike −∞ it cannot turn into NaN

/** Hides the rows that these elements of an additive mask stand for. */
export const hide = (mask: Float32Array, from: number, to: number): void => {
  mask.fill(masked, from, to)
}

/**
 * The additive causal mask (1, 1, T, P + T): a token sees the first `used` of the P rows before it (all of them
 * unless said otherwise), what came before it, and itself.
 */
export function causalMask(time: number, past: number, used = past): Value {
  const width = past + time
  const data = new Float32Array(time * width)
  for (let t = 0; t < time; t++) {
    hide(data, t * width + used, t * width + past)
    hide(data, t * width + past + t + 1, (t + 1) * width)
  }
  return { data, shape: [1, 1, time, width] }
}

export const int64 = (values: ArrayLike<number>, shape: readonly number[]): Value => ({
  data: BigInt64Array.from(values as number[], BigInt),
  shape,
})

/**
 * Token ids (B, T), padded on the right with 0, and their positions, the first real token at `offset`.
 * @param time T, the longest row when absent
 */
export function tokenFeeds(
  rows: readonly (readonly number[])[],
  offset: number,
  time = Math.max(...rows.map((row) => row.length)),
): Record<'tokens' | 'positions', Value> {
  const shape = [rows.length, time]
  const tokens = new Int32Array(rows.length * time)
  for (const [b, row] of rows.entries()) tokens.set(row, b * time)
  return {
    tokens: int64(tokens, shape),
    positions: int64(
      tokens.map((_, i) => offset + (i % time)),
      shape,
    ),
  }
}
