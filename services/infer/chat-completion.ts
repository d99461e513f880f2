/** A generation as OpenAI's chat completion: whole, or chunk by chunk. */
import type { ChatCompletion, ChatCompletionChunk } from '../../contract/chat.ts'
import type { FinishReason } from '../../contract/generation.ts'
import type { Id } from '../../contract/ids.ts'
import { collect, type Generation, usageOf } from './generate.ts'

type Head = { id: Id<'chatCompletion'>; created: number; model: string }

export async function chatCompletion(head: Head, events: Generation): Promise<ChatCompletion> {
  const { text, finishReason, usage } = await collect(events)
  const message = { role: 'assistant', content: text, refusal: null } as const
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage,
  }
}

type Delta = ChatCompletionChunk['choices'][number]['delta']

/** The first chunk names the role, the last one has the finish reason; then, if wanted, one with the usage. */
export async function* chatChunks(
  head: Head,
  events: Generation,
  includeUsage: boolean,
): AsyncGenerator<ChatCompletionChunk, void, void> {
  const chunk = (delta: Delta, finish_reason: FinishReason | null = null): ChatCompletionChunk => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(includeUsage && { usage: null }),
  })
  let promptTokens = 0
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        promptTokens = event.promptTokens
        yield chunk({ role: 'assistant', content: '' })
        break
      case 'delta':
        yield chunk({ content: event.text })
        break
      case 'end':
        yield chunk({}, event.finishReason)
        if (includeUsage)
          yield { ...chunk({}), choices: [], usage: usageOf(promptTokens, event.completionTokens) }
    }
  }
}
