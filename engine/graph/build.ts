/** Typed builders: each checks its inputs, infers the shape, and returns a node. Nothing runs. */
import { type Dim, plus, type Shape, sameShape } from './dim.ts'
import type { Node } from './node.ts'
import type { ConstantData, DType, OpName, Ops, TensorFile } from './op.ts'
import { broadcast, checkReshape, matmulShape, ShapeError } from './shape.ts'

function make<O extends OpName>(
  op: O,
  inputs: readonly Node[],
  attrs: Ops[O],
  shape: Shape,
  dtype: DType = inputs[0]?.dtype ?? 'float32',
): Node {
  return { op, inputs, attrs, shape, dtype } as Node
}

export const input = (name: string, shape: Shape, dtype: DType = 'float32') =>
  make('input', [], { name }, shape, dtype)

export const weight = (name: string, shape: Shape, dtype: DType, at: TensorFile, constant = true) =>
  make('weight', [], { name, at, constant }, shape, dtype)

export function constant(data: ConstantData, shape: Shape): Node {
  checkReshape([data.length], shape)
  return make('constant', [], { data }, shape, data instanceof Float32Array ? 'float32' : 'int64')
}

export const scalar = (value: number) => constant(Float32Array.of(value), [])

export const cast = (x: Node, to: DType) =>
  x.dtype === to ? x : make('cast', [x], { to, again: false }, x.shape, to)

export function dequantize(codes: Node, scales: Node, bits: 4 | 8): Node {
  const [out, width] = codes.shape as number[]
  if (!sameShape(scales.shape, [out!, width! / 32]))
    throw new ShapeError(
      'dequantize',
      [codes.shape, scales.shape],
      'wanted a scale for each 32 numbers of a row',
    )
  return make('dequantize', [codes, scales], { bits, again: false }, codes.shape, 'float32')
}

const binary = (op: 'add' | 'sub' | 'mul' | 'div' | 'max') => (a: Node, b: Node) =>
  make(op, [a, b], {}, broadcast(op, a.shape, b.shape))
export const add = binary('add')
export const sub = binary('sub')
export const mul = binary('mul')
export const div = binary('div')
export const max = binary('max')

const unary =
  (op: 'neg' | 'exp' | 'log' | 'sqrt' | 'tanh' | 'sigmoid' | 'silu' | 'gelu' | 'softmax') => (x: Node) =>
    make(op, [x], {}, x.shape)
export const neg = unary('neg')
export const exp = unary('exp')
export const log = unary('log')
export const sqrt = unary('sqrt')
export const tanh = unary('tanh')
export const sigmoid = unary('sigmoid')
export const silu = unary('silu')
export const gelu = unary('gelu')
export const softmax = unary('softmax')

/** α · A · B; `transA`, `transB` swap the last two axes of a side first. */
export function matmul(a: Node, b: Node, { transA = false, transB = false, alpha = 1 } = {}): Node {
  return make('matmul', [a, b], { transA, transB, alpha }, matmulShape(a.shape, b.shape, transA, transB))
}

/** Codes in blocks and their scales, of a matrix or of its transpose. */
export type Blocks = { codes: Node; scales: Node; bits: 4 | 8 }

/** x · Wᵀ for W in blocks along its rows; `back` are those of Wᵀ, for a gradient in x. */
export function quantizedMatmul(x: Node, w: Blocks, back?: Blocks): Node {
  const [out, blocks] = w.scales.shape as number[]
  if (x.shape.length !== 2 || x.shape[1] !== blocks! * 32 || (back && back.scales.shape[0] !== x.shape[1]))
    throw new ShapeError('quantizedMatmul', [x.shape, w.scales.shape], 'inner dims differ')
  const inputs = [x, w.codes, w.scales, ...(back ? [back.codes, back.scales] : [])]
  return make('quantizedMatmul', inputs, { bits: w.bits, backBits: back?.bits }, [x.shape[0]!, out!])
}

const reduce =
  (op: 'sum' | 'mean' | 'largest') =>
  (x: Node, axes: readonly number[] = x.shape.map((_, i) => i)): Node => {
    const axis = axes.map((a) => (a < 0 ? a + x.shape.length : a))
    return make(
      op,
      [x],
      { axes: axis },
      x.shape.map((d, i) => (axis.includes(i) ? 1 : d)),
    )
  }
/** Summed axes stay as size 1; all of them by default. */
export const sum = reduce('sum')
export const mean = reduce('mean')
export const largest = reduce('largest')

export function reshape(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x
  checkReshape(x.shape, shape)
  const from = x.op === 'reshape' ? x.inputs[0]! : x // one after the other are one
  return sameShape(from.shape, shape) ? from : make('reshape', [from], { shape }, shape)
}

export function transpose(x: Node, perm: readonly number[]): Node {
  if (perm.toSorted().some((p, i) => p !== i) || perm.length !== x.shape.length)
    throw new ShapeError('transpose', [x.shape], `[${perm}] is no permutation of its axes`)
  return make(
    'transpose',
    [x],
    { perm },
    perm.map((p) => x.shape[p]!),
  )
}

export function concat(parts: readonly Node[], axis: number): Node {
  const [first] = parts
  if (!first) throw new ShapeError('concat', [], 'nothing to join')
  for (const { shape } of parts) {
    if (!sameShape(shape.with(axis, 0), first.shape.with(axis, 0)))
      throw new ShapeError('concat', [first.shape, shape], `only axis ${axis} may differ`)
  }
  const joined = plus(...parts.map((p) => p.shape[axis]!))
  return make('concat', parts, { axis }, first.shape.with(axis, joined))
}

/** `size` rows of one axis from `start` on; a symbolic size takes all that is left. */
export function slice(x: Node, axis: number, start: number, size: Dim): Node {
  const limit = x.shape[axis]!
  const fits =
    typeof size === 'string'
      ? plus(start, size) === limit
      : typeof limit === 'string' || start + size <= limit
  if (!fits)
    throw new ShapeError('slice', [x.shape], `axis ${axis} has ${limit} rows, not ${start} + ${size}`)
  if (size === limit) return x
  return make('slice', [x], { axis, start, size }, x.shape.with(axis, size))
}

/** x as the rows of one axis from `start` on, zeros before and after them: `rows` in all. */
export function pad(x: Node, axis: number, start: number, rows: number): Node {
  const own = x.shape[axis]!
  if (typeof own !== 'number' || start + own > rows)
    throw new ShapeError(
      'pad',
      [x.shape],
      `axis ${axis} has ${own} rows, not within ${rows} from ${start} on`,
    )
  return own === rows ? x : make('pad', [x], { axis, start, rows }, x.shape.with(axis, rows))
}

export function expand(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x
  if (!sameShape(broadcast('expand', x.shape, shape), shape))
    throw new ShapeError('expand', [x.shape, shape], 'the first does not stretch to the second')
  return make('expand', [x], { shape }, shape)
}

/** `distinct` promises that no index repeats: the gradient is then a plain copy of rows. */
export function gather(table: Node, index: Node, { distinct = false } = {}): Node {
  const shape = [...index.shape, ...table.shape.slice(1)]
  // Rows of a narrow table are widened after they are picked, not the whole table before.
  if (table.op === 'cast')
    return cast(make('gather', [table.inputs[0]!, index], { distinct }, shape), table.attrs.to)
  return make('gather', [table, index], { distinct }, shape)
}

export function scatterAdd(updates: Node, index: Node, rows: Dim, { distinct = false } = {}): Node {
  if (updates.shape.length !== 2 || !sameShape(index.shape, updates.shape.slice(0, 1)))
    throw new ShapeError('scatterAdd', [updates.shape, index.shape], 'wanted updates [N,H] and indices [N]')
  return make('scatterAdd', [updates, index], { rows, distinct }, [rows, updates.shape[1]!])
}

export const late = (x: Node, after: Node): Node => make('late', [x, after], {}, x.shape)

export const attend = (scores: Node, values: Node): Node =>
  make('attend', [scores, values], {}, matmulShape(scores.shape, values.shape, false, false))

export function rmsNorm(x: Node, w: Node, eps: number): Node {
  if (!sameShape(w.shape, x.shape.slice(-1)))
    throw new ShapeError('rmsNorm', [x.shape, w.shape], 'the weight has the size of the last axis')
  return make('rmsNorm', [x, w], { eps }, x.shape)
}

export function rotary(x: Node, positions: Node, cos: Node, sin: Node, interleaved = false): Node {
  const [batch, , time, width] = x.shape
  const fits = typeof width === 'number' && 2 * Number(cos.shape[1]) <= width
  if (!sameShape(positions.shape, [batch!, time!]) || !fits)
    throw new ShapeError(
      'rotary',
      [x.shape, positions.shape, cos.shape],
      'wanted [B,heads,T,d] [B,T] [n,w/2] with w at most d',
    )
  return make('rotary', [x, positions, cos, sin], { interleaved }, x.shape)
}

const perRow = (op: string, logits: Node, labels: Node): void => {
  if (logits.shape.length !== 2 || !sameShape(labels.shape, logits.shape.slice(0, 1)))
    throw new ShapeError(op, [logits.shape, labels.shape], 'wanted logits [N,V] and labels [N]')
}

export function crossEntropy(logits: Node, labels: Node): Node {
  perRow('crossEntropy', logits, labels)
  return make('crossEntropy', [logits, labels], {}, labels.shape)
}

export function crossEntropyGrad(logits: Node, labels: Node): Node {
  perRow('crossEntropyGrad', logits, labels)
  return make('crossEntropyGrad', [logits, labels], {}, logits.shape)
}

export function argMax(rows: Node): Node {
  if (rows.shape.length !== 2) throw new ShapeError('argMax', [rows.shape], 'wanted [N,V]')
  return make('argMax', [rows], {}, rows.shape.slice(0, 1), 'int64')
}
