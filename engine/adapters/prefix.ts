/** P-Tuning v2: trainable key and value rows before every layer, alone or through a small MLP. */
import { add, expand, input, reshape, tanh, transpose } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { Binding, Model } from '../models/model.ts'
import { linear } from '../nn/linear.ts'
import { Random } from '../random.ts'
import { Session } from '../runtime/session.ts'
import type { Adapter, Parameters } from './adapter.ts'
import { type Prefix, prefixFiles } from './prefix-files.ts'

/** Names and meaning are PEFT's `PrefixTuningConfig`. */
export type PrefixTuning = {
  peft_type: 'PREFIX_TUNING'
  num_virtual_tokens: number
  /** Trains an embedding through a two-layer MLP (tanh) instead of the rows themselves. */
  prefix_projection: boolean
  /** Width of that MLP; the base's hidden size when absent. */
  encoder_hidden_size?: number
  /** Where training starts: random rows (the default), rows that add nothing, or a text's. */
  init_weights?: 'random' | 'zero' | 'text'
  /** Standard deviation of the random initial rows; PEFT's is 1. */
  init_std?: number
  /** The text whose first rows of keys and values the prefix starts as; repeated when it is short. */
  init_text?: string
}

/** The two parts of a layer's prefix. */
const kinds = ['key', 'value'] as const
type Kind = (typeof kinds)[number]

/** @param start the rows of `init_text`, when training starts from them */
export function prefixAdapter(model: Model, base: string, options: PrefixTuning, start?: Prefix): Adapter {
  const tokens = options.num_virtual_tokens
  const width = model.kvHeads * model.headDim
  const layers = Array.from({ length: model.layers }, (_, l) => l)
  const encoding = options.prefix_projection
    ? projected(tokens, width, options.encoder_hidden_size ?? model.hidden)
    : direct(tokens, width)

  return {
    virtualTokens: tokens,
    firstPosition: model.positionRule === 'after_prefix' ? tokens : 0,

    init(seed) {
      const parts = layers.flatMap((l) => kinds.map((kind) => `${kind}.${l}`))
      const parameters = encoding.init(new Random(seed), options.init_std ?? 1, parts)
      if (options.init_weights === 'zero') {
        for (const [name, { data }] of parameters) if (encoding.output(name)) data.fill(0)
      }
      for (const l of layers) {
        if (!start) break
        parameters.get(`key.${l}`)!.data.set(start.keys[l]!)
        parameters.get(`value.${l}`)!.data.set(start.values[l]!)
      }
      return parameters
    },

    bind(binding) {
      const rows = encoding.rows(binding.parameter)
      const past = (kind: Kind, layer: number) => {
        const byHead = transpose(
          reshape(rows(`${kind}.${layer}`), [tokens, model.kvHeads, model.headDim]),
          [1, 0, 2],
        )
        return reshape(byHead, [1, model.kvHeads, tokens, model.headDim])
      }
      return {
        ...binding,
        past: (layer, batch) => {
          const shared = (x: Node) => expand(x, x.shape.with(0, batch))
          return { key: shared(past('key', layer)), value: shared(past('value', layer)) }
        },
      }
    },

    prefix,
    files: async (parameters) => prefixFiles(model, base, await prefix(parameters)),
  }

  async function prefix(parameters: Parameters): Promise<Prefix> {
    const rows = encoding.rows()
    const named = layers.flatMap((l) => kinds.map((kind) => [`${kind}.${l}`, rows(`${kind}.${l}`)] as const))
    await using session = await Session.open(
      Object.fromEntries(named.map(([name, node]) => [`rows.${name}`, node])),
    )
    const values = await session.run(Object.fromEntries(parameters))
    const of = (kind: Kind) => layers.map((l) => values[`rows.${kind}.${l}`]!.data as Float32Array)
    return { tokens, keys: of('key'), values: of('value') }
  }
}

/** How the rows of each part (tokens, width) come out of the parameters. */
type Encoding = {
  init(random: Random, std: number, parts: readonly string[]): Parameters
  /** Whether the rows are nothing but this parameter times something: it is zero where they are to be. */
  output(parameter: string): boolean
  /** Builds what all parts share once, then gives each part's rows. */
  rows(parameter?: NonNullable<Binding['parameter']>): (part: string) => Node
}

/** The rows are the parameters. */
const direct = (tokens: number, width: number): Encoding => ({
  init: (random, std, parts) =>
    new Map(
      parts.map((name) => [name, { shape: [tokens, width], data: random.normal(tokens * width, std) }]),
    ),
  output: () => true,
  rows:
    (parameter = input) =>
    (part) =>
      parameter(part, [tokens, width]),
})

/**
 * W₂ · tanh(W₁ · embedding + b₁) + b₂, with PEFT's shapes; W₂ and b₂ are kept in one piece per part, whose rows are
 * consecutive in PEFT's tensors.
 */
const projected = (tokens: number, width: number, hidden: number): Encoding => {
  const shapes = {
    embedding: [tokens, width],
    'transform.0.weight': [hidden, width],
    'transform.0.bias': [hidden],
  }
  const shapesOf = (part: string) => ({
    [`transform.2.weight.${part}`]: [width, hidden],
    [`transform.2.bias.${part}`]: [width],
  })
  return {
    init(random, std, parts) {
      const all = Object.assign({}, shapes, ...parts.map(shapesOf)) as Record<string, number[]>
      const entries = Object.entries(all).map(([name, shape]) => {
        const count = shape.reduce((n, d) => n * d, 1)
        if (name === 'embedding') return [name, { shape, data: random.normal(count, std) }] as const
        // PyTorch's Linear: uniform in ±1/√(inputs), for weights and biases.
        const bound = 1 / Math.sqrt(name.startsWith('transform.0') ? width : hidden)
        const data = Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * bound)
        return [name, { shape, data }] as const
      })
      return new Map(entries)
    },
    output: (parameter) => parameter.startsWith('transform.2'),
    rows(parameter = input) {
      const [embedding, w1, b1] = Object.entries(shapes).map(([name, shape]) => parameter(name, shape))
      const inner = tanh(add(linear(embedding!, w1!), b1!)) // (tokens, hidden)
      return (part) => {
        const [w2, b2] = Object.entries(shapesOf(part)).map(([name, shape]) => parameter(name, shape))
        return add(linear(inner, w2!), b2!)
      }
    },
  }
}
