/** A small text picture of a curve. */

const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/**
 * Bars for `values` (finite, at least one), from their minimum to their maximum, with both written at the
 * left: `rows` lines of at most `columns` bars. Where there are more values than columns, a bar is the mean of
 * its share.
 */
export function plot(values: readonly number[], { columns = 60, rows = 6 } = {}): string[] {
  const bars = resample(values, columns)
  const low = Math.min(...bars)
  const high = Math.max(...bars)
  // Even the lowest bar is one eighth high: an empty column would look like a missing value.
  const heights = bars.map((v) => 1 + Math.round(((v - low) / (high - low || 1)) * (rows * 8 - 1)))
  const labels = [high.toFixed(2), low.toFixed(2)]
  const margin = Math.max(...labels.map((label) => label.length))
  return Array.from({ length: rows }, (_, row) => {
    const floor = (rows - 1 - row) * 8
    const label = row === 0 ? labels[0]! : row === rows - 1 ? labels[1]! : ''
    const line = heights.map((h) => eighths[Math.max(0, Math.min(8, h - floor))]).join('')
    return `${label.padStart(margin)} │${line}`.trimEnd()
  })
}

function resample(values: readonly number[], columns: number): number[] {
  if (values.length <= columns) return [...values]
  return Array.from({ length: columns }, (_, column) => {
    const share = values.slice(
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    )
    return share.reduce((sum, v) => sum + v, 0) / share.length
  })
}
