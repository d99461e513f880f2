import { add, matmul } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'

/** x · Wᵀ, with W as checkpoints store it, [out, in]; x is (N, in). */
export const linear = (x: Node, w: Node): Node => matmul(x, w, { transB: true })

/** x · Wᵀ + b. */
export const affine = (x: Node, w: Node, b: Node): Node => add(linear(x, w), b)
