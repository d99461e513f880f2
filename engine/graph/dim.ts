/**
 * A size along one axis: a number, or a symbol whose value comes with the feeds ('B', 'T').
 * Products and sums of symbols are symbols too, spelled in one canonical way: '4*B*T', '(128+T)'. 'N?' is N, or 1 that
 * stretches to N.
 */
export type Dim = number | string
export type Shape = readonly Dim[]

const terms = (d: string): string[] => d.match(/\([^)]*\)|[^*]+/g) ?? [] // a sum is one name inside a product

/** The operands a composite symbol was made of; a plain symbol has none. */
export function operands(d: string): { op: 'sum' | 'product'; of: Dim[] } | undefined {
  const isSum = d.startsWith('(') && terms(d).length === 1
  const of = isSum ? d.slice(1, -1).split('+') : terms(d)
  if (of.length === 1) return undefined
  return { op: isSum ? 'sum' : 'product', of: of.map((t) => (/^\d+$/.test(t) ? Number(t) : t)) }
}

const canonical = (count: number, unit: number, names: readonly string[], sign: string): string =>
  [...(count === unit ? [] : [`${count}`]), ...names.toSorted()].join(sign)

/** The product of sizes: `times('T', 4)` is '4*T', `times(2, 3)` is 6, of nothing 1. */
export function times(...dims: Dim[]): Dim {
  const parts = dims.flatMap<Dim>((d) => (typeof d === 'number' ? [d] : terms(d)))
  const count = parts.reduce<number>((n, p) => (/^\d+$/.test(`${p}`) ? n * Number(p) : n), 1)
  const names = parts.filter((p): p is string => !/^\d+$/.test(`${p}`))
  return names.length === 0 ? count : canonical(count, 1, names, '*')
}

/** The sum of sizes: `plus('T', 128)` is '(128+T)'. */
export function plus(...dims: Dim[]): Dim {
  const parts = dims.flatMap((d) => {
    const inner = typeof d === 'string' ? operands(d) : undefined
    return inner?.op === 'sum' ? inner.of : [d] // sums do not nest: `terms` knows no inner parentheses
  })
  const count = parts.reduce<number>((n, d) => (typeof d === 'number' ? n + d : n), 0)
  const names = parts.filter((d) => typeof d === 'string')
  if (names.length === 0) return count
  return count === 0 && names.length === 1 ? names[0]! : `(${canonical(count, 0, names, '+')})`
}

/** What the plain symbols of a graph stand for in one run. */
export type Symbols = Readonly<Record<string, number>>

/** @throws an Error when a symbol stands for nothing */
export function lengthOf(dim: Dim, symbols: Symbols): number {
  if (typeof dim === 'number') return dim
  const composite = operands(dim)
  if (!composite) {
    const known = symbols[dim]
    if (known === undefined) throw new Error(`nothing says how large ${dim} is`)
    return known
  }
  const parts = composite.of.map((d) => lengthOf(d, symbols))
  return composite.op === 'sum' ? parts.reduce((a, b) => a + b, 0) : parts.reduce((a, b) => a * b, 1)
}

/** Elements of a tensor of this shape. */
export const sizeOf = (shape: Shape): Dim => times(...shape)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])
