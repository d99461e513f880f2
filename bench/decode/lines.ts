/** What is printed of a row. */
import type { Row } from './geometries.ts'
import type { Report } from './side.ts'

export const heading = (sides: readonly string[]): string => cells('batch', 'context', sides, 'here is')

/**
 * Tokens/s of each side in its best round, how many times as fast here is, and the peak memory of the sides that know
 * theirs. The best, not the median: a core that is busy with something else halts all of llama.cpp's threads.
 */
export function line({ batch, context, bars }: Row, reports: Readonly<Record<string, Report[]>>): string {
  const speeds = Object.entries(reports).map(
    ([side, reports]) => [side, Math.max(...reports.map(({ tokensPerSecond }) => tokensPerSecond))] as const,
  )
  const here = speeds.find(([side]) => side === 'here')?.[1]
  const ratios = speeds.flatMap(([side, speed]) => {
    if (here === undefined || side === 'here') return []
    const [ratio, bar] = [here / speed, (bars as Record<string, number>)[side]]
    const verdict = bar === undefined ? '' : ` (the bar is ${bar}${ratio < bar ? ': missed' : ''})`
    return `${ratio.toFixed(2)} × ${side}${verdict}`
  })
  const peaks = Object.entries(reports).flatMap(([side, reports]) => {
    const peak = Math.max(...reports.map(({ peak = 0 }) => peak))
    return peak > 0 ? `${side} ${(peak / 1e6).toFixed(0)} MB` : []
  })
  const last = [ratios.join(', '), peaks.length > 0 ? `peak of ${peaks.join(', ')}` : '']
  const numbers = speeds.map(([, speed]) => speed.toFixed(1))
  return cells(String(batch), String(context), numbers, last.filter(Boolean).join('; '))
}

function cells(batch: string, context: string, sides: readonly string[], last: string): string {
  return `  ${batch.padStart(5)}${context.padStart(9)}${sides.map((cell) => cell.padStart(17)).join('')}   ${last}`
}
