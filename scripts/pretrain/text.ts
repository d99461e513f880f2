/** The text that `preamble-tiny` learns from: conversations made by program. The same seed makes the same text. */
import { Random } from '../../engine/random.ts'
import type { Conversation } from '../../engine/text/sample.ts'
import { type Exchange, pick, type Skill } from './skill.ts'
import { advice, bodyFacts, jobFacts, thingFacts, thingQuestions, yesNo } from './skills/facts.ts'
import { arithmetic, calendar, comparison, counting } from './skills/numbers.ts'
import { composition, daily, englishReading, reading } from './skills/reading.ts'
import { courtesy, feeling, greeting, identity, unknown } from './skills/talk.ts'
import { opposite, repeat, spell, translation } from './skills/words.ts'

/** How often each skill comes up, relative to the others: more where there is more to learn. */
export const skills: readonly (readonly [Skill, number])[] = [
  [greeting, 2],
  [identity, 4],
  [courtesy, 2],
  [unknown, 2],
  [feeling, 2],
  [thingFacts, 8],
  [thingQuestions, 8],
  [yesNo, 5],
  [jobFacts, 4],
  [bodyFacts, 5],
  [advice, 8],
  [opposite, 4],
  [translation, 6],
  [repeat, 6],
  [spell, 8],
  [arithmetic, 10],
  [comparison, 3],
  [counting, 4],
  [calendar, 4],
  [reading, 10],
  [englishReading, 5],
  [composition, 10],
  [daily, 6],
]
const total = skills.reduce((sum, [, weight]) => sum + weight, 0)

const plainSystems = [
  '你是一个友好的助手。',
  '你是一个有用的助手。',
  'You are a helpful assistant.',
  '请认真回答问题。',
]
const briefSystems = ['回答要简短。', '请用最短的话回答。', 'Answer briefly.']

function skill(random: Random): Skill {
  let left = random.uniform() * total
  for (const [candidate, weight] of skills) {
    left -= weight
    if (left < 0) return candidate
  }
  return skills.at(-1)![0]
}

function conversation(random: Random): Conversation {
  // Three in four have one exchange; a few have two or three.
  const turns = pick(random, [1, 1, 1, 1, 1, 1, 2, 3])
  const exchanges: Exchange[] = []
  while (exchanges.length < turns) exchanges.push(...skill(random)(random))
  const brief = exchanges.every((e) => e.short !== undefined) && random.below(5) === 0
  const system = brief
    ? pick(random, briefSystems)
    : random.below(10) === 0
      ? pick(random, plainSystems)
      : undefined
  return [
    ...(system ? [{ role: 'system' as const, content: system }] : []),
    ...exchanges.flatMap(({ q, a, short }) => [
      { role: 'user' as const, content: q },
      { role: 'assistant' as const, content: brief ? short! : a },
    ]),
  ]
}

/** `train` conversations, and `dev` others of which none is in the training set. */
export function corpus(train: number, dev: number, seed: number): Record<'train' | 'dev', Conversation[]> {
  const random = new Random(seed)
  const make = () => conversation(random)
  const training = Array.from({ length: train }, make)
  const seen = new Set(training.map((c) => JSON.stringify(c)))
  const held: Conversation[] = []
  while (held.length < dev) {
    const candidate = make()
    const key = JSON.stringify(candidate)
    if (!seen.has(key)) held.push(candidate)
    seen.add(key)
  }
  return { train: training, dev: held }
}
