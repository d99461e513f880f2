/** Peak memory and time of a step at each level of activation checkpointing. */
import { availableParallelism } from 'node:os'
import type { Checkpointing } from '../../engine/grad/checkpoint.ts'
import { inTurn, median } from '../measure.ts'
import { here } from '../peer/run.ts'
import { describe, geometries } from './geometries.ts'
import { prepared, stepOf, summary } from './prepared.ts'

const geometry = 'llama-512x16'
const [rounds, steps] = [7, 6]

const bars: Record<Checkpointing, { memory: number; time: number }> = {
  none: { memory: 1, time: 1 },
  selective: { memory: 0.65, time: 1.05 },
  full: { memory: 0.4, time: 1.3 },
}
export const levels = Object.keys(bars) as Checkpointing[]

/** The levels asked for, beside `none`. */
export async function checkpointing(asked: readonly Checkpointing[]): Promise<void> {
  const compared = levels.filter((level) => level === 'none' || asked.includes(level))
  const reports = await prepared(geometry, steps, (directory) =>
    inTurn(rounds, Object.fromEntries(compared.map((level) => [level, () => here(directory, level)]))),
  )
  const summaries = new Map(compared.map((level) => [level, summary(reports[level]!)]))
  const none = summaries.get('none')!
  console.log(`${describe(geometries[geometry])}; ${availableParallelism()} threads`)
  console.log(`${rounds} rounds; × none of the time is the median of the rounds' own ratios`)
  console.log(row('', 'peak memory', '× none', 'bar', 'step', '× none', 'bar'))
  for (const [level, { peak, step }] of summaries) {
    const times = reports[level]!.map((report, i) => stepOf(report) / stepOf(reports.none![i]!))
    const { memory, time } = bars[level]
    const bar = (x: number) => (level === 'none' ? '' : String(x))
    const memoryCells = [`${(peak / 1e6).toFixed(0)} MB`, (peak / none.peak).toFixed(3), bar(memory)]
    console.log(row(level, ...memoryCells, `${step.toFixed(0)} ms`, median(times).toFixed(3), bar(time)))
  }
}

const row = (label: string, ...cells: string[]) =>
  label.padEnd(10) + cells.map((cell) => cell.padStart(12)).join('')
