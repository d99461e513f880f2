/**
 * `npm run bench:quality`: what P-Tuning v2 learns, where every answer is known. A base is taught several skills by
 * instruction; a prefix then makes it do one of them without the instruction. Exact matches on inputs that neither
 * training has seen, beside PEFT on the same base, samples, steps and initial prefix.
 *
 * npm run bench:quality -- [--seed N] [SKILL…]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from '../engine/random.ts'
import { answersOf } from './peer/answers.ts'
import { teachBase } from './quality/base.ts'
import { answerTokens, end, inputsBut, promptOf, type Skill, skillNames, skills } from './quality/skills.ts'
import { tuned, words } from './quality/tuned.ts'

const bars = { base: 5, tuned: 95, apart: 2 } // percent, percent, points
const toldSteps = [1, 10, 30, 100, 200, 300]

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string', default: '1' } },
  allowPositionals: true,
})
const unknown = positionals.find((name) => !skillNames.includes(name as Skill))
if (unknown) throw new Error(`no skill "${unknown}"; known: ${skillNames.join(', ')}`)
const chosen = positionals.length > 0 ? (positionals as Skill[]) : skillNames
const seed = Number(values.seed)
const heldOut = inputsBut([], 300, new Random(seed + 2))

/** Percent of the answers to what is held out that are right to the last letter, and end there. */
function exactMatch(skill: Skill, answers: readonly (readonly number[])[]): number {
  const right = answers.filter((answer, i) => String(answer) === String(skills[skill](heldOut[i]!)))
  return (100 * right.length) / heldOut.length
}

const root = mkdtempSync(join(tmpdir(), 'preamble-quality-'))
try {
  const base = join(root, 'base')
  mkdirSync(base)
  await teachBase(base, heldOut, seed)
  const ask = (skill?: Skill) =>
    answersOf(base, { prompts: heldOut.map((input) => promptOf(input, skill)), answerTokens, end })
  const uninstructed = await ask()

  console.log(`\n${heldOut.length} held-out inputs; a skill is tuned with ${words}; seed ${seed}\n`)
  console.log(row(['exact match', 'base', 'base, instructed', 'tuned here', 'tuned by PEFT'], 18))
  const missed: string[] = []
  const losses: string[] = []
  for (const skill of chosen) {
    const { here, peer } = await tuned(root, skill, heldOut, seed)
    const [bare, told] = [exactMatch(skill, uninstructed), exactMatch(skill, await ask(skill))]
    const [own, other] = [exactMatch(skill, here.answers), exactMatch(skill, peer.answers)]
    console.log(row([skill, ...[bare, told, own, other].map((x) => `${x.toFixed(1)}%`)], 18))
    if (bare >= bars.base) missed.push(`${skill}: the base by itself is to be under ${bars.base}%`)
    if (own < bars.tuned) missed.push(`${skill}: the tuned model is to reach ${bars.tuned}%`)
    if (Math.abs(own - other) > bars.apart) missed.push(`${skill}: PEFT is to be within ${bars.apart} points`)

    const apart = Math.max(...here.losses.map((loss, i) => Math.abs(loss - peer.losses[i]!)))
    for (const [side, { losses: all }] of Object.entries({ here, PEFT: peer }))
      losses.push(row([`${skill} ${side}`, ...toldSteps.map((step) => all[step - 1]!.toFixed(6))], 10))
    losses.push(`  of all steps, the largest difference is ${apart.toExponential(0)}`)
  }
  console.log(`\n${row(['loss of step', ...toldSteps.map(String)], 10)}\n${losses.join('\n')}\n`)
  console.log(missed.length > 0 ? missed.join('\n') : 'every bar is met')
  if (missed.length > 0) process.exitCode = 1
} finally {
  rmSync(root, { recursive: true })
}

function row([label, ...cells]: readonly string[], width: number): string {
  return label!.padEnd(14) + cells.map((cell) => cell.padStart(width)).join('')
}
