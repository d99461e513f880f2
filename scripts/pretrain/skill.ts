import type { Random } from '../../engine/random.ts'

/** One question and its answer; `short` is the answer under a system turn that asks for brevity. */
export type Exchange = { q: string; a: string; short?: string }

/** Makes exchanges of one kind; several are one conversation. */
export type Skill = (random: Random) => Exchange[]

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!

/** `count` different entries in random order. */
export const pickSome = <T>(random: Random, list: readonly T[], count: number): T[] =>
  random.shuffled(list).slice(0, count)

/** Words written with spaces between them. */
export const words = (text: string): string[] => text.trim().split(/\s+/)

/** Rows written one a line, columns separated by |. */
export const table = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
