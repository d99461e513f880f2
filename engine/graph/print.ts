import { type Node, topological } from './node.ts'

const show = (value: unknown): string => {
  if (ArrayBuffer.isView(value)) return `<${(value as unknown as ArrayLike<unknown>).length}>`
  if (Array.isArray(value)) return `[${value.join(',')}]`
  if (typeof value === 'object' && value) return `{${Object.values(value).join(' ')}}`
  return String(value)
}

/** A graph as text, one line a node: `%2 = matmul %0 %1 transB=true : float32[2,4]`. For tests and bug reports. */
export function print(outputs: readonly Node[]): string {
  const order = topological(outputs)
  const id = new Map(order.map((node, i) => [node, `%${i}`]))
  return order
    .map((node) => {
      const attrs = Object.entries(node.attrs).filter(([, v]) => v !== false)
      const words = [
        node.op,
        ...node.inputs.map((i) => id.get(i)!),
        ...attrs.map(([key, value]) => `${key}=${show(value)}`),
      ]
      return `${id.get(node)} = ${words.join(' ')} : ${node.dtype}[${node.shape.join(',')}]`
    })
    .join('\n')
}
