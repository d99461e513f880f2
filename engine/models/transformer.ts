/** The decoder that all families share: pre-norm blocks of attention and MLP. A family says how each part is made. */
import { add, gather, reshape } from '../graph/build.ts'
import { sizeOf } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import { attention, type KeyValue } from '../nn/attention.ts'
import type { Binding, Model, Step } from './model.ts'

/** The sizes of a model, and its parts; N is B·T, or as many as are present. Parts get the name of their layer, as weights have it. */
export type Family = Omit<Model, 'forward'> & {
  /** (vocabulary, hidden) */
  embedding(b: Binding): Node
  /** What becomes of the rows of the embedding; nothing when absent. */
  embedded?(x: Node): Node
  layer(index: number): string
  norm(b: Binding, x: Node, name: string): Node
  finalNorm: string
  /** (N, hidden) to (N, heads·d), (N, kvHeads·d) and (N, kvHeads·d). */
  qkv(b: Binding, x: Node, layer: string): { q: Node; k: Node; v: Node }
  /** (N, heads·d) to (N, hidden) */
  attentionOutput(b: Binding, context: Node, layer: string): Node
  /** (N, hidden) to (N, hidden) */
  mlp(b: Binding, x: Node, layer: string): Node
}

export function transformer(family: Family): Model {
  const { layers, rope, embedded = (x) => x } = family

  function block(b: Binding, index: number, x: Node, step: Step): { x: Node; rows: KeyValue } {
    const layer = family.layer(index)
    const qkv = family.qkv(b, family.norm(b, x, `${layer}.input_layernorm`), layer)
    const rotation = { ...step, interleaved: rope.interleaved }
    const { context, rows } =
      b.attention?.(index, qkv, rotation) ??
      attention(qkv, family, rotation, step.mask, {
        past: b.past?.(index, step.tokens.shape[0]!),
        present: step.present,
      })
    const attended = add(x, family.attentionOutput(b, context, layer))
    const gated = family.mlp(b, family.norm(b, attended, `${layer}.post_attention_layernorm`), layer)
    return { x: add(attended, gated), rows }
  }

  return {
    ...family,
    forward(b, step) {
      const all = gather(family.embedding(b), reshape(step.tokens, [sizeOf(step.tokens.shape)])) // (B·T, hidden)
      let x = embedded(step.present ? gather(all, step.present, { distinct: true }) : all) // (N, hidden)
      const rows: KeyValue[] = []
      for (let index = 0; index < layers; index++) {
        const out = block(b, index, x, step)
        x = out.x
        rows.push(out.rows)
      }
      return { hidden: family.norm(b, x, family.finalNorm), rows }
    },
  }
}
