/** Llama's weights and blocks, which Mistral, Gemma and Qwen follow with small differences. */
import { add, mul, reshape, rmsNorm, scalar } from '../graph/build.ts'
import { times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { Rope } from '../nn/rope.ts'
import { type Binding, type Model, project, projectEach, rowsOf } from './model.ts'
import { transformer } from './transformer.ts'

export type LlamaLike = {
  type: string
  layers: number
  hidden: number
  /** Width of the MLP. */
  intermediate: number
  heads: number
  kvHeads: number
  headDim: number
  vocabulary: number
  maxPositions: number
  eps: number
  rope: Rope
  /** The head is the embedding. */
  tied: boolean
  /** What the gate of the MLP goes through. */
  activation(x: Node): Node
  /** Which linear modules have a bias. */
  bias?: { qkv?: boolean; output?: boolean; mlp?: boolean }
  /** Each head's queries and keys are normed before rotation. */
  qkNorm?: boolean
  /** Norms scale by 1 + w. */
  unitOffset?: boolean
  /** Factor on the embedding's rows. */
  embeddingScale?: number
}

export function llamaLike(options: LlamaLike): Model {
  const { hidden: H, intermediate: F, heads, kvHeads, headDim: d, vocabulary: V } = options
  const { bias = {}, embeddingScale } = options

  const norm = (b: Binding, x: Node, name: string, width = H) => {
    const w = b.weight(`${name}.weight`, [width])
    return rmsNorm(x, options.unitOffset ? add(w, scalar(1)) : w, options.eps)
  }
  /** Norms each head of (N, n·d) by itself. */
  const headNorm = (b: Binding, x: Node, n: number, name: string) =>
    reshape(norm(b, reshape(x, [times(x.shape[0]!, n), d]), name, d), x.shape)
  const embeddings = 'model.embed_tokens.weight'

  return transformer({
    ...options,
    positionRule: 'after_prefix',
    embedding: (b) => rowsOf(b, embeddings, [V, H]),
    embedded: embeddingScale === undefined ? undefined : (x) => mul(x, scalar(embeddingScale)),
    layer: (index) => `model.layers.${index}`,
    norm,
    finalNorm: 'model.norm',

    qkv(b, x, layer) {
      const to = (part: string, n: number) => ({ name: `${layer}.self_attn.${part}_proj`, in: H, out: n * d })
      const modules = [to('q', heads), to('k', kvHeads), to('v', kvHeads)]
      const [q, k, v] = projectEach(b, x, modules, { bias: bias.qkv }) as [Node, Node, Node]
      const normed = (y: Node, part: string, n: number) =>
        options.qkNorm ? headNorm(b, y, n, `${layer}.self_attn.${part}_norm`) : y
      return { q: normed(q, 'q', heads), k: normed(k, 'k', kvHeads), v }
    },

    attentionOutput: (b, context, layer) =>
      project(
        b,
        context,
        { name: `${layer}.self_attn.o_proj`, in: heads * d, out: H },
        { bias: bias.output },
      ),

    mlp(b, x, layer) {
      const part = (name: string, width: number, out: number) => ({
        ...{ name: `${layer}.mlp.${name}_proj`, in: width, out },
      })
      const bothWays = [part('gate', H, F), part('up', H, F)]
      const [gate, up] = projectEach(b, x, bothWays, { bias: bias.mlp }) as [Node, Node]
      const gated = mul(options.activation(gate), up) // (N, F)
      return project(b, gated, part('down', F, H), { bias: bias.mlp })
    },

    logits(b, hidden) {
      const head = { name: 'lm_head', in: H, out: V, head: true } as const
      return project(b, hidden, head, options.tied ? { stored: embeddings } : {})
    },
  })
}
