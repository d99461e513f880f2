import type { Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { causalMask, ropeFeeds, stepInputs, tokenFeeds } from '../models/step.ts'
import { Session } from '../runtime/session.ts'
import type { Prefix } from './prefix-files.ts'

/**
 * The rows of keys and values that a base makes of a text, for a prefix to start from: rows of real text train where
 * random ones hardly do (as PEFT's CARTRIDGE starts).
 * @param ids the text, repeated until it fills `count` rows
 */
export async function textRows(
  model: Model,
  base: Binding,
  ids: readonly number[],
  count: number,
): Promise<Prefix> {
  const tokens = Array.from({ length: count }, (_, i) => ids[i % ids.length]!)
  // The rows stand right before the first real token: where that has position 0, theirs are negative.
  const first = model.positionRule === 'from_zero' ? -count : 0
  const outputs: Record<string, Node> = {}
  for (const [layer, { key, value }] of model.forward(base, stepInputs(model, 0)).rows.entries()) {
    outputs[`key.${layer}`] = key
    outputs[`value.${layer}`] = value
  }
  await using session = await Session.open(outputs)
  const rows = await session.run({
    ...tokenFeeds([tokens], 0),
    ...ropeFeeds(model, count, first),
    mask: causalMask(count, 0),
  })
  const of = (kind: string) =>
    Array.from({ length: model.layers }, (_, layer) =>
      byToken(rows[`${kind}.${layer}`]!.data as Float32Array, count, model),
    )
  return { tokens: count, keys: of('key'), values: of('value') }
}

/** From (kvHeads, tokens, d) to (tokens, kvHeads · d). */
function byToken(rows: Float32Array, tokens: number, { kvHeads, headDim: d }: Model): Float32Array {
  const out = new Float32Array(rows.length)
  for (let h = 0; h < kvHeads; h++)
    for (let t = 0; t < tokens; t++) {
      const from = (h * tokens + t) * d
      out.set(rows.subarray(from, from + d), (t * kvHeads + h) * d)
    }
  return out
}
