import type { Shape } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { DType, OpName } from '../graph/op.ts'

export type Attribute = number | string | { float: number } | readonly number[]

/** What a rule may ask of the writer: every method returns the name of the value it made. */
export type Writer = {
  /** One ONNX node with one output. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string
  /** An int64 constant. */
  ints(values: readonly number[]): string
  float(value: number): string
  /** A constant whose bytes are all the same. */
  filled(dtype: DType, shape: Shape, byte: number): string
  /** The int64 vector of a shape whose symbols are known at run time. */
  shape(shape: Shape): string
  /** The same for a reshape, where an axis that keeps its place or can be inferred needs no run-time value. */
  reshape(from: Shape, to: Shape): string
}

/** From a node and the names of its inputs to the name of its value. */
type OnnxRule<O extends OpName> = (w: Writer, node: Node<O>, ...inputs: string[]) => string

/** The domain of ONNX Runtime's own ops, which fuse what standard ones spell out. */
const ms = 'com.microsoft:'
const elementType: Record<DType, number> = {
  float32: 1,
  int64: 7,
  float16: 10,
  bfloat16: 16,
  uint8: 2,
  uint4: 21,
}
/** Ends a slice at the end of its axis, whatever its size. */
const toTheEnd = Number.MAX_SAFE_INTEGER

const plain =
  (op: string) =>
  (w: Writer, _: Node, ...inputs: string[]): string =>
    w.node(op, inputs)
const bySource = () => {
  throw new Error('inputs, weights and constants are declared by the writer itself')
}

export const onnxRules: { readonly [O in OpName]: OnnxRule<O> } = {
  input: bySource,
  weight: bySource,
  constant: bySource,
  // What is done again says the same in other words (`saturate` is of 8-bit floats, axis −1 is axis 1): ONNX Runtime would
  // merge equal nodes, and keep what is as large as the weights from the way there to the way back.
  cast: (w, { attrs: { to, again } }, x) =>
    w.node('Cast', [x!], { to: elementType[to], ...(again && { saturate: 0 }) }),
  dequantize: (w, { attrs: { bits, again }, inputs }, codes, scales) => {
    const [dtype, zero] = bits === 4 ? (['uint4', 0x88] as const) : (['uint8', 0x80] as const)
    const middle = w.filled(dtype, inputs[1]!.shape, zero)
    return w.node('DequantizeLinear', [codes!, scales!, middle], { axis: again ? -1 : 1, block_size: 32 })
  },

  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: plain('Div'),
  max: plain('Max'),
  neg: plain('Neg'),
  exp: plain('Exp'),
  log: plain('Log'),
  sqrt: plain('Sqrt'),
  tanh: plain('Tanh'),
  sigmoid: plain('Sigmoid'),
  silu: (w, _, x) => w.node(`${ms}QuickGelu`, [x!], { alpha: { float: 1 } }), // x·sigmoid(1·x)
  gelu: (w, _, x) => w.node(`${ms}FastGelu`, [x!]),

  // Takes transposed sides and the scale without extra passes over memory.
  matmul: (w, { attrs }, a, b) =>
    w.node(`${ms}FusedMatMul`, [a!, b!], {
      transA: Number(attrs.transA),
      transB: Number(attrs.transB),
      alpha: { float: attrs.alpha },
    }),
  quantizedMatmul: (w, { attrs: { bits }, inputs }, x, codes, scales) => {
    const [N, blocks] = inputs[2]!.shape as [number, number]
    const integers = 4 // accuracy_level: x is rounded to 8 bits
    const attributes = { K: blocks * 32, N, bits, block_size: 32, accuracy_level: integers }
    return w.node(`${ms}MatMulNBits`, [x!, codes!, scales!], attributes)
  },
  sum: (w, { attrs }, x) => w.node('ReduceSum', [x!, w.ints(attrs.axes)], { keepdims: 1 }),
  mean: (w, { attrs }, x) => w.node('ReduceMean', [x!, w.ints(attrs.axes)], { keepdims: 1 }),
  largest: (w, { attrs }, x) => w.node('ReduceMax', [x!, w.ints(attrs.axes)], { keepdims: 1 }),

  reshape: (w, { inputs, shape }, x) => w.node('Reshape', [x!, w.reshape(inputs[0]!.shape, shape)]),
  transpose: (w, { attrs }, x) => w.node('Transpose', [x!], { perm: attrs.perm }),
  concat: (w, { attrs }, ...parts) => w.node('Concat', parts, { axis: attrs.axis }),
  slice: (w, { attrs: { axis, start, size } }, x) => {
    const end = typeof size === 'number' ? start + size : toTheEnd
    return w.node('Slice', [x!, w.ints([start]), w.ints([end]), w.ints([axis])])
  },
  pad: (w, { attrs: { axis, start }, inputs, shape }, x) => {
    const end = Number(shape[axis]) - start - Number(inputs[0]!.shape[axis])
    return w.node('Pad', [x!, w.ints([start, end]), '', w.ints([axis])])
  },
  expand: (w, { shape }, x) => w.node('Expand', [x!, w.shape(shape)]),

  gather: (w, _, table, index) => w.node('Gather', [table!, index!]),
  // ScatterND is fast but adds repeated indices with a data race on CPU; ScatterElements adds them one by one.
  scatterAdd: (w, { attrs, inputs, shape }, updates, index) => {
    const zeros = w.node('ConstantOfShape', [w.shape(shape)])
    const column = w.node('Unsqueeze', [index!, w.ints([1])])
    if (attrs.distinct) return w.node('ScatterND', [zeros, column, updates!])
    const everywhere = w.node('Expand', [column, w.shape(inputs[0]!.shape)])
    return w.node('ScatterElements', [zeros, everywhere, updates!], { reduction: 'add', axis: 0 })
  },

  // A reshape to a shape that is not known before `after` is: zeros, which leave each size as it is. It copies nothing.
  late: (w, { inputs, shape }, x, after) => {
    const axis = inputs[1]!.shape.findIndex((size) => typeof size === 'string')
    if (axis < 0) return x! // of no batch: small, and there is nothing to wait for
    const size = w.node('Shape', [after!], { start: axis, end: axis + 1 })
    return w.node('Reshape', [x!, w.node('Mul', [size, w.ints(shape.map(() => 0))])])
  },

  softmax: (w, _, x) => w.node('Softmax', [x!], { axis: -1 }),
  attend: (w, _, scores, values) =>
    w.node(`${ms}FusedMatMul`, [w.node('Softmax', [scores!], { axis: -1 }), values!]),
  rmsNorm: (w, { attrs }, x, scale) =>
    w.node('SimplifiedLayerNormalization', [x!, scale!], { axis: -1, epsilon: { float: attrs.eps } }),
  rotary: (w, { attrs, inputs }, x, positions, cos, sin) => {
    const [{ shape }, , table] = inputs as [Node, Node, Node]
    const width = 2 * Number(table.shape[1])
    const partial = width !== shape[3]
    return w.node(`${ms}RotaryEmbedding`, [x!, positions!, cos!, sin!], {
      interleaved: Number(attrs.interleaved),
      ...(partial && { rotary_embedding_dim: width, num_heads: Number(shape[1]) }),
    })
  },

  crossEntropy: (w, _, logits, labels) => {
    const column = w.node('Unsqueeze', [labels!, w.ints([1])])
    const picked = w.node('GatherElements', [w.node('LogSoftmax', [logits!], { axis: -1 }), column], {
      axis: 1,
    })
    return w.node('Neg', [w.node('Squeeze', [picked, w.ints([1])])])
  },
  crossEntropyGrad: (w, _, logits, labels) => {
    const column = w.node('Unsqueeze', [labels!, w.ints([1])])
    const minusOnes = w.node('Expand', [w.float(-1), w.node('Shape', [column])])
    const softmax = w.node('Softmax', [logits!], { axis: -1 })
    return w.node('ScatterElements', [softmax, column, minusOnes], { reduction: 'add', axis: 1 })
  },
  argMax: (w, _, x) => w.node('ArgMax', [x!], { axis: -1, keepdims: 0 }),
}
