/**
 * A language of letters in which every answer is known: what may be done with some letters on instruction, and without
 * one, when they are repeated.
 */
import type { Random } from '../../engine/random.ts'
import type { TokenSample } from '../../engine/training/batch.ts'

const letters = 26
/** Letters of an input, all different. */
const [shortest, longest] = [4, 8]

/** What each makes of an input. */
export const skills = {
  reverse: (input) => input.toReversed(),
  sort: (input) => input.toSorted((a, b) => a - b),
  next: (input) => input.map((letter) => (letter + 1) % letters),
  rotate: (input) => [...input.slice(1), input[0]!],
} as const satisfies Record<string, (input: readonly number[]) => number[]>
export type Skill = keyof typeof skills
export const skillNames = Object.keys(skills) as Skill[]

// A letter's token is its number; after the letters come these, then an instruction for each skill.
const [start, equals] = [letters, letters + 1]
export const end = letters + 2
const instruction = (skill: Skill) => end + 1 + skillNames.indexOf(skill)
export const vocabulary = end + 1 + skillNames.length

/** Tokens of the longest sample: start, instruction, input, equals, answer, end. */
export const longestSample = 2 * longest + 4
/** One more than any right answer has, so that one that does not end is a wrong one. */
export const answerTokens = longest + 1

/** What a model reads before it answers; without a skill, there is no instruction. */
export const promptOf = (input: readonly number[], skill?: Skill): number[] => [
  ...[start, ...(skill ? [instruction(skill)] : [])],
  ...[...input, equals],
]

/** A prompt, and the answer to learn with the token that ends it. */
export function sampleOf(prompt: readonly number[], answer: readonly number[]): TokenSample {
  const reply = [...answer, end]
  return { tokens: [...prompt, ...reply], targets: reply.map((_, i) => prompt.length + i) }
}

/** So many random inputs, none of them twice and none of `others`. */
export function inputsBut(others: readonly (readonly number[])[], count: number, random: Random): number[][] {
  const alphabet = Array.from({ length: letters }, (_, letter) => letter)
  const known = new Set(others.map(String))
  const inputs: number[][] = []
  while (inputs.length < count) {
    const length = shortest + random.below(longest - shortest + 1)
    const input = random.shuffled(alphabet).slice(0, length)
    if (known.has(String(input))) continue
    known.add(String(input))
    inputs.push(input)
  }
  return inputs
}
