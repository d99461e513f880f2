import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, run } from '../measure.ts'
import type { Report } from '../peer/run.ts'
import type { GeometryName } from './geometries.ts'

/** Steps of which times do not count: caches, allocators and threads get ready. */
const warmUp = 2

/** Hands out a directory with a run of so many steps of a geometry, and removes it afterwards. */
export async function prepared<T>(
  geometry: GeometryName,
  steps: number,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'preamble-bench-'))
  try {
    const program = join(import.meta.dirname, 'prepare.ts')
    await run(process.execPath, [program, directory, geometry, String(steps)])
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const timed = ({ milliseconds }: Report) => milliseconds.slice(warmUp)

/** Milliseconds of a step in one run. */
export const stepOf = (report: Report): number => median(timed(report))

/** Of the same run, done several times: milliseconds of a step over all of them, and bytes, which vary little. */
export type Summary = { step: number; best: number; peak: number; start: number }

export function summary(reports: readonly Report[]): Summary {
  const steps = reports.flatMap(timed)
  return {
    step: median(steps),
    best: Math.min(...steps),
    peak: median(reports.map(({ peak }) => peak)),
    start: median(reports.map(({ start }) => start)),
  }
}
