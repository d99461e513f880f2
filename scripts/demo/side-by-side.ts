import { pad, wrap } from '../../cli/terminal/width.ts'

/** Texts beside one another, each wrapped to `columns` columns, as lines. */
export function sideBySide(texts: readonly string[], columns: number): string[] {
  const wrapped = texts.map((text) => wrap(text, columns))
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, row) =>
    wrapped
      .map((lines) => pad(lines[row] ?? '', columns))
      .join(' │ ')
      .trimEnd(),
  )
}
