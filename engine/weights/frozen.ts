import { resolve } from 'node:path'
import { cast, weight } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { DType } from '../graph/op.ts'
import { type Checkpoint, tensorOf } from './checkpoint.ts'

const stored: Record<string, DType> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }

/**
 * A checkpoint's weights as nodes, by name and shape; they stay in their files and come out as float32.
 * @param expanded narrow weights are widened once, and kept so in memory; else at each use, one after the other
 */
export function frozen(
  checkpoint: Checkpoint,
  expanded = true,
): (name: string, shape: readonly number[]) => Node {
  const made = new Map<string, Node>()
  return (name, shape) => {
    const known = made.get(`${name} ${shape}`)
    if (known) return known
    const { dtype, file, offset, length } = tensorOf(checkpoint, name, shape)
    const type = stored[dtype]
    if (!type)
      throw new Error(`${file}: ${name} is stored as ${dtype}; known: ${Object.keys(stored).join(', ')}`)
    const node = cast(weight(name, shape, type, { file: resolve(file), offset, length }, expanded), 'float32')
    made.set(`${name} ${shape}`, node)
    return node
  }
}
