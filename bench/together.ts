/**
 * `npm run bench:together`: eight prefixes on one base, trained together and one after another, at micro-batch 1: on a
 * base that is held as the plan has it, and on one of 4 bits that is widened at each use, as a large base in little memory
 * is. Each side is a process of its own, and they take turns.
 *
 * npm run bench:together -- [GEOMETRY] [--steps N] [--rounds N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { inTurn } from './measure.ts'
import { type Report, type Setting, type Side, trained } from './together/train.ts'
import { type GeometryName, geometries, writeBase } from './train/geometries.ts'

const bars = { time: 0.6, loss: 1e-4 }

const { values, positionals } = parseArgs({
  options: { steps: { type: 'string', default: '8' }, rounds: { type: 'string', default: '3' } },
  allowPositionals: true,
})
const name = (positionals[0] ?? 'llama-1024x12') as GeometryName
const geometry = geometries[name]
if (!geometry) throw new Error(`no geometry "${name}"; known: ${Object.keys(geometries).join(', ')}`)

const root = mkdtempSync(join(tmpdir(), 'preamble-together-'))
try {
  writeBase(root, geometry)
  for (const form of [undefined, 'int4'] as const) {
    const setting: Setting = {
      ...{ base: join(root, 'base'), cache: join(root, 'cache'), form },
      ...{ jobs: 8, steps: Number(values.steps), virtualTokens: geometry.virtualTokens },
      tokens: [40, 120], // questions and answers of a hospital: a line or two each
    }
    const sides = await inTurn(Number(values.rounds), {
      alone: () => trained('alone', setting),
      together: () => trained('together', setting),
    })
    console.log(describe(setting, sides))
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}

function describe(setting: Setting, { alone, together }: Record<Side, Report[]>): string {
  const [fewest, most] = setting.tokens
  const timed = (['whole', 'steps'] as const).map((part) => {
    const best = (reports: Report[]) => Math.min(...reports.map((report) => report[part]))
    const [one, other] = [best(alone), best(together)]
    const words = { whole: 'with getting ready', steps: 'steps after the first' }[part]
    const cells = [`${(one / 1000).toFixed(2)} s`.padStart(9), `${(other / 1000).toFixed(2)} s`.padStart(11)]
    return (
      words.padEnd(22) + cells.join('') + (other / one).toFixed(3).padStart(8) + `${bars.time}`.padStart(6)
    )
  })
  const apart = alone[0]!.losses.flatMap((losses, job) =>
    losses.map((loss, step) => Math.abs(loss - together[0]!.losses[job]![step]!)),
  )
  return [
    `${geometry.words}; ${setting.virtualTokens} virtual tokens; ${availableParallelism()} threads`,
    `${setting.jobs} jobs of ${setting.steps} steps, each on one sample of ${fewest} to ${most} tokens, half of them labelled`,
    `base held as ${together[0]!.form} together, ${alone[0]!.form} alone`,
    'best of each side         alone   together   ratio   bar',
    ...timed,
    `largest difference of a loss: ${Math.max(...apart).toExponential(1)}; the bar is ${bars.loss}\n`,
  ].join('\n')
}
