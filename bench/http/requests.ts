/** What is asked on both sides: questions of the sample corpus, alone, behind a system prompt, or late in a talk. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Conversation } from '../../corpus/conversation.ts'
import { readWhole } from '../../corpus/read.ts'

export const model = 'preamble-tiny'

export type Request = { messages: Conversation; seed: number; maxTokens: number }

/** How a request went. */
export type Answer = {
  text: string
  /** None: it was cut off. */
  finishReason?: string
  tokens: number
  /** What it came in: chunks of HTTP, or values from the engine. */
  events: number
  /** To the first text and to the last one, in ms from the start of the round. */
  first: number
  last: number
}

/** Requests that were all sent at once, and the time until the last of them was answered. */
export type Round = { milliseconds: number; answers: Answer[] }

const corpus = join(import.meta.dirname, '../../samples/health-zh.txt')
const system = { role: 'system', content: '你是一名耐心的医生，用一两句话回答。' } as const

const { conversations: talks } = await readWhole(readFileSync(corpus))

/** The requests of a round. A round asks in another order and with other seeds than those before it. */
export function requestsOf(round: number, count: number, maxTokens: number): Request[] {
  return Array.from({ length: count }, (_, i) => {
    const talk = (n: number) => talks[(31 * round + i + n) % talks.length]!
    const before = [[], [system], [...talk(1), ...talk(2)], [system, ...talk(3)]][i % 4]!
    return { messages: [...before, ...talk(0).slice(0, 1)], seed: round * count + i, maxTokens }
  })
}

/** Asks all at once. */
export async function ask(
  requests: readonly Request[],
  one: (request: Request, since: () => number) => Promise<Answer>,
): Promise<Round> {
  const start = performance.now()
  const since = () => performance.now() - start
  const answers = await Promise.all(requests.map((request) => one(request, since)))
  return { milliseconds: since(), answers }
}
