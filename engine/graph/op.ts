import type { Dim, Shape } from './dim.ts'

/** What a graph computes in (float32), what files store (float16, bfloat16, and codes of uint8 and uint4), and indices. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'uint8' | 'uint4'

/** A tensor's bytes in a file: the runtime maps them, nothing is copied or converted. */
export type TensorFile = { file: string; offset: number; length: number }

/** Typed data that lives in the graph itself: small tables and scalars. */
export type ConstantData = Float32Array | BigInt64Array

type None = Readonly<Record<never, never>>

/**
 * Every op with its attributes, declared once. The shape is inferred in `build.ts`; the gradient rules
 * (`grad/rules.ts`) and the ONNX rules (`onnx/rules.ts`) are tables over these keys, so that a new op does not
 * compile until each table has its line.
 */
export type Ops = {
  /** A tensor fed at each run. */
  input: { name: string }
  /** A tensor of a checkpoint. */
  /**
   * `constant`: the runtime may compute with it ahead of the first run, and then keeps what came out in memory: the
   * float32 copy of a float16 weight.
   */
  weight: { name: string; at: TensorFile; constant: boolean }
  constant: { data: ConstantData }
  /** `again`: the same once more, for the way back; the runtime does not take it for the first. */
  cast: { to: DType; again: boolean }
  /** Of codes [out, in] and scales [out, in/32], the weight that they stand for: (q − 2^(bits−1)) · scale. */
  dequantize: { bits: 4 | 8; again: boolean }

  add: None
  sub: None
  mul: None
  div: None
  /** The larger of two numbers; of decoding alone, as `largest` is. */
  max: None

  neg: None
  exp: None
  log: None
  sqrt: None
  tanh: None
  sigmoid: None
  /** x · sigmoid(x) */
  silu: None
  /** The tanh form: x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³))) */
  gelu: None

  /** α · A · B over the last two axes, either one transposed; leading axes broadcast. */
  matmul: { transA: boolean; transB: boolean; alpha: number }
  /**
   * x · Wᵀ for a W [out, in] whose codes are packed in blocks [out, in/32, bytes], with scales [out, in/32]: integer
   * arithmetic, for which each 32 numbers of x are rounded to 8 bits. Two more inputs, codes and scales of Wᵀ, serve the
   * way back, if there is one.
   */
  quantizedMatmul: { bits: 4 | 8; backBits?: 4 | 8 }
  /** Over the listed axes, which stay as size 1. */
  sum: { axes: readonly number[] }
  mean: { axes: readonly number[] }
  /** The largest value over the listed axes, which stay as size 1. */
  largest: { axes: readonly number[] }

  reshape: { shape: Shape }
  transpose: { perm: readonly number[] }
  concat: { axis: number }
  slice: { axis: number; start: number; size: Dim }
  /** The reverse of a slice: x is the rows of one axis from `start` on, of `rows` in all; the others are zeros. */
  pad: { axis: number; start: number; rows: number }
  /** Broadcast to a larger shape. */
  expand: { shape: Shape }

  /** Rows of a table by index: [V, …] and [N] give [N, …], [M, N] give [M, N, …]. `distinct` promises that no index repeats. */
  gather: { distinct: boolean }
  /** The reverse: a zero table [rows, H], with each of N update rows [N, H] added at its index [N]. */
  scatterAdd: { rows: Dim; distinct: boolean }

  /** x, but not before `after` is there. */
  late: None

  /** Over the last axis. */
  softmax: None
  /** softmax(scores) · values, the core of attention: (…, T, S) and (…, S, d) give (…, T, d). */
  attend: None
  /** x / √(mean(x²) + eps) · w, over the last axis. */
  rmsNorm: { eps: number }
  /** Rotary position embedding of [B, heads, T, d] at positions [B, T], with tables [positions, w/2] for the first w
   * dims of each head; the others stay as they are. */
  rotary: { interleaved: boolean }
  /** −log softmax(logits)[label], row by row: [N, V] and [N] give [N]. */
  crossEntropy: None
  /** Its derivative in the logits, softmax(logits) − onehot(label): [N, V]. */
  crossEntropyGrad: None
  /** Where the largest value of each row is: [N, V] gives [N], int64. */
  argMax: None
}

export type OpName = keyof Ops
