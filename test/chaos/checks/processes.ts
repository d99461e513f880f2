/** Processes ended when they were killed and not otherwise, and they can be stopped. */
import type { Process } from '../processes.ts'
import type { Check } from './check.ts'

/** Stops them all. */
export async function checkProcesses(processes: readonly Process[]): Promise<Check[]> {
  const sum = (of: (counts: Process['counts']) => number) =>
    processes.reduce((all, { counts }) => all + of(counts), 0)
  const crashed = processes.flatMap(({ name, counts: { crashes } }) =>
    crashes === 0 ? [] : [`${name} ended by itself ${crashes} times`],
  )
  const ends = await Promise.all(
    processes.map(async (process) => [process.name, await process.stop()] as const),
  )
  return [
    {
      says:
        `${sum(({ kills }) => kills)} kills, ${sum(({ suspensions }) => suspensions)} suspensions, ` +
        `${sum(({ failedStarts }) => failedStarts)} starts without database or storage; no process ended by itself`,
      problems: crashed,
    },
    {
      says: `${processes.length} processes stop when they are told to`,
      problems: ends.flatMap(([name, end]) => (end === 0 ? [] : [`${name}: ${end}`])),
    },
  ]
}
