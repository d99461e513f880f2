import {
  add,
  crossEntropyGrad,
  div,
  expand,
  gather,
  matmul,
  mean,
  mul,
  neg,
  pad,
  quantizedMatmul,
  reshape,
  rotary,
  scalar,
  scatterAdd,
  sigmoid,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  transpose,
} from '../graph/build.ts'
import { times } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { OpName } from '../graph/op.ts'

/**
 * From a node y, the gradient g of the loss in y, and y's inputs: the gradient in each input, null where there is
 * none (indices). A gradient may have the broadcast shape; the walk sums it back.
 */
type GradRule<O extends OpName> = (y: Node<O>, g: Node, ...inputs: Node[]) => (Node | null)[]

const one = scalar(1)
/** 1/√(mean(x²) + eps) over the last axis, which stays as size 1. */
const rsqrtMeanSquare = (x: Node, eps: number) => div(one, sqrt(add(mean(mul(x, x), [-1]), scalar(eps))))
const source = (): Node[] => []
const neverTrained = (y: Node): never => {
  throw new Error(`${y.op} is of decoding, where nothing is differentiated`)
}
const notTwice = (y: Node): never => {
  throw new Error(`${y.op} is itself part of a derivative; second derivatives of it are not implemented`)
}

export const gradRules: { readonly [O in OpName]: GradRule<O> } = {
  input: source,
  weight: source,
  constant: source,
  // Checkpoint weights are stored narrow and trained as float32 inputs, so a cast is never differentiated through.
  cast: () => [null],
  dequantize: () => [null, null],

  add: (_, g) => [g, g],
  sub: (_, g) => [g, neg(g)],
  mul: (_, g, a, b) => [mul(g, b!), mul(g, a!)],
  div: (y, g, _a, b) => [div(g, b!), neg(div(mul(g, y), b!))], // d(a/b)/db = −(a/b)/b
  max: neverTrained,

  neg: (_, g) => [neg(g)],
  exp: (y, g) => [mul(g, y)],
  log: (_, g, x) => [div(g, x!)],
  sqrt: (y, g) => [div(g, add(y, y))],
  tanh: (y, g) => [mul(g, sub(one, mul(y, y)))],
  sigmoid: (y, g) => [mul(g, mul(y, sub(one, y)))],
  silu: (y, g, x) => {
    const s = sigmoid(x!)
    return [mul(g, add(s, mul(y, sub(one, s))))] // s + x·s·(1 − s), and x·s is y
  },
  gelu: (_, g, x) => {
    const [c, a] = [Math.sqrt(2 / Math.PI), 0.044715]
    const squared = mul(x!, x!)
    const t = tanh(mul(mul(x!, add(mul(squared, scalar(a)), one)), scalar(c)))
    const dt = mul(sub(one, mul(t, t)), mul(add(mul(squared, scalar(3 * a)), one), scalar(c)))
    return [mul(g, mul(add(add(t, one), mul(x!, dt)), scalar(0.5)))] // (1 + t + x·dt/dx) / 2
  },

  // Y = α A B: dA = α G Bᵀ, dB = α Aᵀ G; with a transposed side, the same formula transposed.
  matmul: ({ attrs: { transA, transB, alpha } }, g, a, b) => [
    transA
      ? matmul(b!, g, { transA: transB, transB: true, alpha })
      : matmul(g, b!, { transB: !transB, alpha }),
    transB
      ? matmul(g, a!, { transA: true, transB: transA, alpha })
      : matmul(a!, g, { transA: !transA, alpha }),
  ],
  // The product with Wᵀ on the way, so the one with W on the way back: each is the other's.
  quantizedMatmul: (y, g, _x, codes, scales, backCodes, backScales) => {
    const { bits, backBits } = y.attrs
    if (!backBits) return neverTrained(y)
    const back = { codes: backCodes!, scales: backScales!, bits: backBits }
    return [quantizedMatmul(g, back, { codes: codes!, scales: scales!, bits }), ...[null, null, null, null]]
  },
  sum: (_, g, x) => [expand(g, x!.shape)],
  mean: ({ attrs: { axes } }, g, x) => {
    const count = times(...axes.map((a) => x!.shape[a]!))
    if (typeof count !== 'number')
      throw new Error(`mean over ${count} elements: differentiate sum times a fed 1/n`)
    return [expand(mul(g, scalar(1 / count)), x!.shape)]
  },
  largest: neverTrained,

  reshape: (_, g, x) => [reshape(g, x!.shape)],
  transpose: ({ attrs: { perm } }, g) => [
    transpose(
      g,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ],
  concat: ({ attrs: { axis } }, g, ...parts) => {
    let start = 0
    return parts.map((part, i) => {
      const size = part.shape[axis]!
      const piece = slice(g, axis, start, size)
      if (typeof size === 'number') start += size
      else if (i < parts.length - 1)
        throw new Error(`concat: only the last part may have a symbolic size, not ${size}`)
      return piece
    })
  },
  slice: ({ attrs: { axis, start, size } }, g, x) => {
    const rows = x!.shape[axis]!
    if (typeof rows !== 'number' || typeof size !== 'number')
      throw new Error(`slice: ${size} of ${rows} rows is symbolic`)
    return [pad(g, axis, start, rows)]
  },
  pad: ({ attrs: { axis, start } }, g, x) => [slice(g, axis, start, x!.shape[axis]!)],
  expand: (_, g) => [g],

  gather: ({ attrs }, g, table, index) => {
    const [rows, ...row] = table!.shape
    const all = times(...index!.shape)
    const flat = reshape(g, [all, times(...row)])
    return [reshape(scatterAdd(flat, reshape(index!, [all]), rows!, attrs), table!.shape), null]
  },
  scatterAdd: ({ attrs }, g, _updates, index) => [gather(g, index!, attrs), null],

  late: (y) => notTwice(y),

  softmax: (y, g) => [mul(y, sub(g, sum(mul(g, y), [-1])))],
  attend: (y, g, scores, values) => {
    const p = softmax(scores!) // the forward's own: ONNX Runtime merges equal standard ops
    // softmax's gradient needs Σ_s dp·p a row, which equals Σ_d g·y (Dao et al. 2022): d columns instead of S.
    const ds = mul(p, sub(matmul(g, values!, { transB: true }), sum(mul(g, y), [-1])))
    return [ds, matmul(p, g, { transA: true })]
  },
  rmsNorm: ({ attrs: { eps } }, g, x, w) => {
    const r = rsqrtMeanSquare(x!, eps)
    const xhat = mul(x!, r)
    const gw = mul(g, w!)
    // dx = r·(gw − x̂·mean(gw·x̂)), dw = g·x̂
    return [mul(r, sub(gw, mul(xhat, mean(mul(gw, xhat), [-1])))), mul(g, xhat)]
  },
  // A rotation's transpose is the rotation by the opposite angle.
  rotary: ({ attrs: { interleaved } }, g, _x, at, cos, sin) => [
    rotary(g, at!, cos!, neg(sin!), interleaved),
    null,
    null,
    null,
  ],
  crossEntropy: (_, g, logits, labels) => [
    mul(crossEntropyGrad(logits!, labels!), reshape(g, [g.shape[0]!, 1])),
    null,
  ],
  crossEntropyGrad: notTwice,
  argMax: () => [null],
}
