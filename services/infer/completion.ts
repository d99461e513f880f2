/** A generation as OpenAI's older completion: whole, or chunk by chunk. */
import type { Completion } from '../../contract/completion.ts'
import type { FinishReason } from '../../contract/generation.ts'
import type { Id } from '../../contract/ids.ts'
import { collect, type Generation, usageOf } from './generate.ts'

type Head = { id: Id<'completion'>; created: number; model: string }

const piece = (head: Head, text: string, finish_reason: FinishReason | null): Completion => ({
  ...head,
  object: 'text_completion',
  choices: [{ index: 0, text, logprobs: null, finish_reason }],
})

export async function completion(head: Head, events: Generation): Promise<Completion> {
  const { text, finishReason, usage } = await collect(events)
  return { ...piece(head, text, finishReason), usage }
}

/** Pieces of the text; the last one, empty, has the finish reason; then, if wanted, one with the usage. */
export async function* completionChunks(
  head: Head,
  events: Generation,
  includeUsage: boolean,
): AsyncGenerator<Completion, void, void> {
  let promptTokens = 0
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        promptTokens = event.promptTokens
        break
      case 'delta':
        yield piece(head, event.text, null)
        break
      case 'end':
        yield piece(head, '', event.finishReason)
        if (includeUsage) {
          yield {
            ...piece(head, '', null),
            choices: [],
            usage: usageOf(promptTokens, event.completionTokens),
          }
        }
    }
  }
}
