/** What a text may look like, byte by byte: regular expressions, and rules that may name one another. */
export type Expression =
  | { op: 'empty' }
  /** One byte, `from` to `to`. */
  | { op: 'byte'; from: number; to: number }
  | { op: 'sequence'; first: Expression; rest: Expression }
  | { op: 'choice'; options: readonly Expression[] }
  | Repetition
  /** Made when it is needed, so that an expression may hold itself. */
  | { op: 'rule'; get: () => Expression }

/** `of` from `min` to `max` times, then `rest`. Every `of` takes at least one byte, or `max` is finite. */
export type Repetition = {
  op: 'repetition'
  of: Expression
  min: number
  max: number
  rest: Expression
}

export const empty: Expression = { op: 'empty' }

export const byte = (from: number, to = from): Expression => ({ op: 'byte', from, to })

/** No text at all; what needs it is nothing as well. */
export const nothing: Expression = { op: 'choice', options: [] }

export function choice(...options: readonly Expression[]): Expression {
  const possible = options.filter((option) => option !== nothing)
  if (possible.length < 2) return possible[0] ?? nothing
  return { op: 'choice', options: possible }
}

export const optional = (of: Expression): Expression => choice(of, empty)

/** A repetition takes what follows it with it, so that the two are one state while it repeats. */
export function sequence(...parts: readonly Expression[]): Expression {
  return parts.reduceRight((rest, first) => {
    if (rest === empty) return first
    if (rest === nothing) return nothing
    switch (first.op) {
      case 'empty':
        return rest
      case 'sequence':
        return { op: 'sequence', first: first.first, rest: sequence(first.rest, rest) }
      case 'repetition':
        return repetition(first.of, first.min, first.max, sequence(first.rest, rest))
      default:
        return first === nothing ? nothing : { op: 'sequence', first, rest }
    }
  }, empty)
}

const repetitions = new WeakMap<Expression, WeakMap<Expression, Map<string, Expression>>>()

/** The same object for the same arguments: that is how states are told to be equal. */
export function repetition(of: Expression, min: number, max: number, rest: Expression = empty): Expression {
  if (max === 0 || (of === nothing && min === 0)) return rest
  if (of === nothing || rest === nothing) return nothing
  const byRest = kept(repetitions, of, () => new WeakMap<Expression, Map<string, Expression>>())
  const byCount = kept(byRest, rest, () => new Map<string, Expression>())
  return kept(byCount, `${min} ${max}`, () => ({ op: 'repetition', of, min, max, rest }))
}

/** What a map holds under a key, made first when it is not there. */
export function kept<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const encoder = new TextEncoder()

/** Exactly this text, in UTF-8. */
export const text = (text: string): Expression =>
  sequence(...Array.from(encoder.encode(text), (b) => byte(b)))

/** One of these ASCII characters. */
export const oneOf = (characters: string): Expression =>
  choice(...Array.from(encoder.encode(characters), (b) => byte(b)))
