/** The ONNX rules for WebGPU, where ONNX Runtime has no kernel for some of the nodes that serve a CPU best. */
import type { Node } from '../graph/node.ts'
import { onnxRules, type Writer } from './rules.ts'

/** ONNX's numbers for types. */
const [float32, int32] = [1, 6]

/**
 * A node without a kernel runs on the CPU, with its values copied there and back. What is left to the CPU here are
 * shapes and indices, which are there already.
 */
export const webgpuRules: typeof onnxRules = {
  ...onnxRules,

  // Indices that are as many as activations are added up on the device, in the 32 bits it has; a Gather takes both.
  add: (w, { dtype }, ...sides) =>
    w.node('Add', dtype === 'int64' ? sides.map((x) => w.node('Cast', [x], { to: int32 })) : sides),

  // A Gemm transposes and scales as it goes, but has two axes; with more, both are passes of their own.
  matmul: (w, { attrs: { transA, transB, alpha }, inputs }, a, b) => {
    const [left, right] = inputs as [Node, Node]
    if (left.shape.length === 2 && right.shape.length === 2)
      return w.node('Gemm', [a!, b!], {
        transA: Number(transA),
        transB: Number(transB),
        alpha: { float: alpha },
      })
    // Scaled is the side that never has the size of the attention scores.
    const scaled = alpha === 1 ? b! : w.node('Mul', [b!, w.float(alpha)])
    const side = (x: string, node: Node, swapped: boolean) => (swapped ? swapLast(w, x, node) : x)
    return w.node('MatMul', [side(a!, left, transA), side(scaled, right, transB)])
  },

  attend: (w, _, scores, values) => w.node('MatMul', [w.node('Softmax', [scores!], { axis: -1 }), values!]),

  // Not every GPU computes with 16 bits, so the table is widened once, ahead; the rows need no cast any more.
  gather: (w, { inputs }, table, index) => {
    const narrow = ['float16', 'bfloat16'].includes(inputs[0]!.dtype)
    return w.node('Gather', [narrow ? w.node('Cast', [table!], { to: float32 }) : table!, index!])
  },

  scatterAdd: (w, { shape }, updates, index) => {
    const zeros = w.node('Expand', [w.float(0), w.shape(shape)])
    const column = w.node('Unsqueeze', [index!, w.ints([1])])
    return w.node('ScatterND', [zeros, column, updates!], { reduction: 'add' })
  },

  // −log softmax(x)[label] = log Σ exp(x − m) − (x[label] − m), with m = max(x)
  crossEntropy: (w, _, logits, labels) => {
    const last = w.ints([-1])
    const most = w.node('ReduceMax', [logits!, last], { keepdims: 1 })
    const shifted = w.node('Sub', [logits!, most])
    const total = w.node('ReduceSum', [w.node('Exp', [shifted]), last], { keepdims: 1 })
    const column = w.node('Unsqueeze', [labels!, w.ints([1])])
    const picked = w.node('GatherElements', [shifted, column], { axis: 1 })
    return w.node('Squeeze', [w.node('Sub', [w.node('Log', [total]), picked]), w.ints([1])])
  },
}

/** Swaps the last two axes. */
function swapLast(w: Writer, x: string, { shape }: Node): string {
  const axes = shape.map((_, i) => i)
  return w.node('Transpose', [x], { perm: [...axes.slice(0, -2), axes.length - 1, axes.length - 2] })
}
