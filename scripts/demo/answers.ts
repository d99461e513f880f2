/** The answers of two models to the same questions. */

import type { Api } from '../../cli/api/api.ts'
import type { ChatCompletion } from '../../contract/chat.ts'
import { similarity } from './similarity.ts'

export type Pair = { question: string; reference: string }
export type Answer = { text: string; similarity: number }
export type Answered = Pair & { base: Answer; tuned: Answer }

/** Asks both models each question; greedy, so the same models always answer the same. */
export async function answersOf(
  api: Api,
  models: { base: string; tuned: string },
  pairs: readonly Pair[],
): Promise<Answered[]> {
  async function answer(model: string, { question, reference }: Pair): Promise<Answer> {
    const { choices } = await api.post<ChatCompletion>('v1/chat/completions', {
      model,
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      max_tokens: 96,
    })
    const text = choices[0]!.message.content
    return { text, similarity: similarity(text, reference) }
  }
  return Promise.all(
    pairs.map(async (pair) => ({
      ...pair,
      base: await answer(models.base, pair),
      tuned: await answer(models.tuned, pair),
    })),
  )
}

export const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
