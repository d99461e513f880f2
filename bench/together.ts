/**
 * `npm run bench:together`: eight prefixes on one base, trained together and one after another, at micro-batch 1. Each
 * side is a process of its own, and they take turns.
 *
 * npm run bench:together -- [GEOMETRY] [--steps N] [--rounds N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { inTurn } from './measure.ts'
import { type Report, type Setting, trained } from './together/train.ts'
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
  const setting: Setting = {
    ...{ base: join(root, 'base'), jobs: 8, steps: Number(values.steps) },
    // Questions and answers of a hospital: a line or two each.
    ...{ virtualTokens: geometry.virtualTokens, tokens: [40, 120] },
  }
  const { alone, together } = await inTurn(Number(values.rounds), {
    alone: () => trained('alone', setting),
    together: () => trained('together', setting),
  })
  const [fewest, most] = setting.tokens
  console.log(`${geometry.words}; ${setting.virtualTokens} virtual tokens; ${availableParallelism()} threads`)
  console.log(
    `${setting.jobs} jobs of ${setting.steps} steps, each on one sample of ${fewest} to ${most} tokens, half of them labelled`,
  )
  console.log(`base held as ${together[0]!.form} together, ${alone[0]!.form} alone`)
  console.log('best of each side         alone   together   ratio   bar')
  for (const part of ['whole', 'steps'] as const) {
    const best = (reports: Report[]) => Math.min(...reports.map((report) => report[part]))
    const [one, other] = [best(alone), best(together)]
    const words = { whole: 'with getting ready', steps: 'steps after the first' }[part]
    const cells = [`${(one / 1000).toFixed(2)} s`.padStart(9), `${(other / 1000).toFixed(2)} s`.padStart(11)]
    console.log(
      words.padEnd(22) + cells.join('') + (other / one).toFixed(3).padStart(8) + `${bars.time}`.padStart(6),
    )
  }
  const apart = alone[0]!.losses.flatMap((losses, job) =>
    losses.map((loss, step) => Math.abs(loss - together[0]!.losses[job]![step]!)),
  )
  console.log(`largest difference of a loss: ${Math.max(...apart).toExponential(1)}; the bar is ${bars.loss}`)
} finally {
  rmSync(root, { recursive: true, force: true })
}
