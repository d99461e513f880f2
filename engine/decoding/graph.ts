/** The graph of serving: a step of any sequences, tokens in, logits and new cache rows out. */
import { concat, gather, input, mul, reshape, scalar, sub } from '../graph/build.ts'
import { plus, times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { stepInputs } from '../models/step.ts'
import { type Cached, pooledAttention, type Sight } from '../nn/pooled-attention.ts'

/**
 * ONNX Runtime copies the right factor of a product in strips of columns. In rows of so many numbers it reads the cache one
 * number behind the other; in rows of 64 it skips those of the other strips, and the products take half as long again.
 */
const strip = 32

/** Rows of a chunk: a strip, as its keys are columns. */
export const chunkRows = strip

/** Numbers of a head's value that lie side by side: all of them where one query meets them, for which nothing is copied. */
export const stripOf = ({
  headDim: d,
  heads,
  kvHeads,
}: Pick<Model, 'headDim' | 'heads' | 'kvHeads'>): number => (heads > kvHeads && d % strip === 0 ? strip : d)

/** The shapes of a chunk in the pool: keys are transposed, values in strips. */
export function chunkShapes(model: Model): { keys: number[]; values: number[] } {
  const { kvHeads, headDim: d } = model
  const side = stripOf(model)
  return { keys: [kvHeads, d, chunkRows], values: [kvHeads, d / side, chunkRows, side] }
}

/** What a layer's part of the cache is called as an input. */
export const cacheName = (part: 'keys' | 'values' | 'shared keys' | 'shared values', layer: number): string =>
  `${part}.${layer}`

/**
 * `logits` (L, vocabulary) of the tokens that the input `told` (L) names, and `rows` (layers · 2 · B·T, kvHeads, 1, d): the new
 * rows, those of layer l's keys at part 2l, of its values at 2l + 1.
 */
export function decodeGraph(model: Model, base: Binding): { logits: Node; rows: Node } {
  const { kvHeads, headDim: d, heads } = model
  const step = stepInputs(model, 0)
  const [B, T] = ['B', 'T']
  const owns = input('owns', [B, 1, 'M'])
  const sight: Sight = {
    owner: input('owner', ['N?'], 'int64'),
    places: input('places', [B, 'M'], 'int64'),
    owns,
    others: reshape(mul(sub(owns, scalar(1)), scalar(1e30)), [B, 'M', 1, 1, 1]),
    unused: input('unused', ['N', 1, 1, chunkRows]),
    near: input('near', [B, 1, times(T, heads / kvHeads), plus('R', times(B, T))]),
  }
  const chunk = chunkShapes(model)
  const cached = (layer: number): Cached => ({
    chunks: {
      key: input(cacheName('keys', layer), ['N', ...chunk.keys]),
      value: input(cacheName('values', layer), ['N', ...chunk.values]),
    },
    shared: {
      key: input(cacheName('shared keys', layer), ['R', kvHeads, 1, d]),
      value: input(cacheName('shared values', layer), ['R', kvHeads, 1, d]),
    },
  })
  const binding: Binding = {
    ...base,
    attention: (layer, qkv, rope) => pooledAttention(qkv, model, rope, cached(layer), sight),
  }
  const { hidden, rows } = model.forward(binding, step)
  const last = gather(hidden, input('told', ['L'], 'int64'), { distinct: true })
  return {
    logits: model.logits(binding, last),
    rows: concat(
      rows.flatMap(({ key, value }) => [key, value]),
      0,
    ),
  }
}
