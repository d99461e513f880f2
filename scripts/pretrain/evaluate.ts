/** `npm run pretrain:evaluate`: how often the shipped model's greedy answers are exactly what each skill teaches. */
import { join } from 'node:path'
import { generate } from '../../engine/generate.ts'
import { Random } from '../../engine/random.ts'
import type { Exchange, Skill } from './skill.ts'
import { corpus, skills } from './text.ts'

const base = join(import.meta.dirname, '../../models/preamble-tiny')
const questions = 60
const trained = { conversations: 200_000, seed: 20261124 } // as main.ts trains

const seen = new Set(
  corpus(trained.conversations, 0, trained.seed)
    .train.flat()
    .flatMap((turn) => (turn.role === 'user' ? [turn.content] : [])),
)

/** Different questions of one skill: those that training never asked, where the skill has any; else any. */
function ask(skill: Skill): { exchanges: Exchange[]; unseen: boolean } {
  const random = new Random(7)
  const fresh = new Map<string, Exchange>()
  const all = new Map<string, Exchange>()
  for (let i = 0; i < 20_000 && fresh.size < questions; i++)
    for (const exchange of skill(random)) {
      all.set(exchange.q, exchange)
      if (!seen.has(exchange.q)) fresh.set(exchange.q, exchange)
    }
  const unseen = fresh.size >= questions
  return { exchanges: [...(unseen ? fresh : all).values()].slice(0, questions), unseen }
}

async function answer(question: string): Promise<string> {
  const prompt = [{ role: 'user' as const, content: question }]
  let text = ''
  for await (const event of generate({
    base,
    prompt,
    maxTokens: 100,
    temperature: 0,
    topP: 1,
    topK: 0,
    stop: [],
  }))
    if (event.type === 'delta') text += event.text
  return text
}

for (const [skill] of skills) {
  const { exchanges, unseen } = ask(skill)
  let right = 0
  for (const { q, a } of exchanges) if ((await answer(q)) === a) right += 1
  console.log(
    `${skill.name.padEnd(16)} ${right} of ${exchanges.length} ${unseen ? 'unseen' : 'asked in training too'}`,
  )
}
