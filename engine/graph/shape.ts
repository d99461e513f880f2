import { type Dim, type Shape, sizeOf } from './dim.ts'

/** A graph that cannot be: names the op, the shapes it got and what it wanted. */
export class ShapeError extends Error {
  override name = 'ShapeError'
  constructor(op: string, shapes: readonly Shape[], wanted: string) {
    super(`${op}: ${shapes.map((s) => `[${s.join(',')}]`).join(' ')}: ${wanted}`)
  }
}

const stretches = (from: Dim, to: Dim): boolean => from === 1 || from === `${to}?`

/** The shape both broadcast to, as numpy does: aligned at the end, 1 stretches, and so does what may be 1. */
export function broadcast(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i): Dim => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    if (x === y || stretches(y, x)) return x
    if (stretches(x, y)) return y
    throw new ShapeError(op, [a, b], `${x} and ${y} do not broadcast`)
  })
}

export function matmulShape(a: Shape, b: Shape, transA: boolean, transB: boolean): Shape {
  if (a.length < 2 || b.length < 2) throw new ShapeError('matmul', [a, b], 'each side needs two axes')
  const [m, k] = transA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!]
  const [k2, n] = transB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!]
  if (k !== k2) throw new ShapeError('matmul', [a, b], `inner dims differ, ${k} and ${k2}`)
  return [...broadcast('matmul', a.slice(0, -2), b.slice(0, -2)), m, n]
}

export function checkReshape(from: Shape, to: Shape): void {
  const [before, after] = [sizeOf(from), sizeOf(to)]
  if (before !== after)
    throw new ShapeError('reshape', [from, to], `${before} elements cannot become ${after}`)
}
