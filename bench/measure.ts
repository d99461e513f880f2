/** What measurements share: programs in processes of their own, taking turns, and quantiles. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/**
 * Runs a program to its end and returns what it wrote to standard output; its errors are seen as they come.
 * @param chatty writes much that is no error to where errors go: it is seen only if the program fails
 */
export async function run(program: string, args: readonly string[], chatty = false): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', chatty ? 'pipe' : 'inherit'] })
  const written = [child.stdout, child.stderr].map((stream) => stream && text(stream))
  const [[output, errors], [code, signal]] = await Promise.all([Promise.all(written), once(child, 'exit')])
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}${errors ? `: ${errors}` : ''}`)
  return output!
}

/**
 * Each of several measurements in turn, `rounds` times over: what else the machine does meanwhile hits all of them.
 */
export async function inTurn<Name extends string, T>(
  rounds: number,
  measurements: Record<Name, () => Promise<T>>,
): Promise<Record<Name, T[]>> {
  const names = Object.keys(measurements) as Name[]
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>
  for (let i = 0; i < rounds; i++) for (const name of names) results[name].push(await measurements[name]())
  return results
}

/** The value that a share `q` of all values is below. */
export const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * values.length)]!

export const median = (values: readonly number[]): number => quantile(values, 0.5)
