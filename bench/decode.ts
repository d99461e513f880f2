/**
 * `npm run bench:decode`: tokens/s of decoding with a 4-bit base here, in transformers.js and in llama.cpp, side by side.
 * The peers are installed and built the first time, which takes some minutes. The larger geometry takes 12 GB of disk,
 * which are given back. Let nothing else run meanwhile.
 *
 * npm run bench:decode -- [--geometry NAME]… [--side NAME]… [--batch N]… [--context N]… [--rounds N] [--dir DIRECTORY]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeFakeCheckpoint } from '../scripts/fake-checkpoint.ts'
import { type Geometry, type GeometryName, geometries, type Row } from './decode/geometries.ts'
import { heading, line } from './decode/lines.ts'
import { type SideName, sides } from './decode/sides.ts'
import { inTurn } from './measure.ts'

const list = { type: 'string', multiple: true } as const
const { values } = parseArgs({
  options: {
    ...{ geometry: list, side: list, batch: list, context: list },
    ...{ rounds: { type: 'string', default: '5' }, dir: { type: 'string' } },
  },
})
const rounds = Number(values.rounds)

/** Those of `known` that are asked for, or all. */
function chosen<Name extends string>(what: string, asked: string[] | undefined, known: Name[]): Name[] {
  const unknown = asked?.find((name) => !known.includes(name as Name))
  if (unknown) throw new Error(`no ${what} "${unknown}"; known: ${known.join(', ')}`)
  return known.filter((name) => asked?.includes(name) ?? true)
}

const names = chosen('side', values.side, Object.keys(sides) as SideName[])
const wanted = ({ batch, context }: Row) =>
  (values.batch?.includes(String(batch)) ?? true) && (values.context?.includes(String(context)) ?? true)

const root = mkdtempSync(join(values.dir ?? tmpdir(), 'preamble-decode-'))
try {
  console.log(
    `tokens/s of all sequences together; ${availableParallelism()} threads; best of ${rounds} rounds`,
  )
  for (const name of names) console.log(`${name.padEnd(16)}${sides[name].words}`)
  for (const name of chosen('geometry', values.geometry, Object.keys(geometries) as GeometryName[]))
    await compare(name, geometries[name])
} finally {
  rmSync(root, { recursive: true, force: true })
}

async function compare(geometry: GeometryName, { config, words, rows }: Geometry): Promise<void> {
  console.log(`\n${geometry}: ${words}\n${heading(names)}`)
  const directory = join(root, geometry)
  const source = join(directory, 'base')
  writeFakeCheckpoint(config, source)
  const bases = new Map<SideName, string>()
  for (const name of names) bases.set(name, await sides[name].prepare(source, directory))
  for (const row of rows.filter(wanted)) {
    const { batch, context } = row
    const steps = batch === 1 ? 48 : 16
    const measure = (name: SideName) => () =>
      sides[name].measure({ base: bases.get(name)!, form: 'int4', batch, context, steps })
    const measurements = Object.fromEntries(names.map((name) => [name, measure(name)]))
    console.log(line(row, await inTurn(rounds, measurements)))
  }
  rmSync(directory, { recursive: true })
}
