/** Generations as OpenAI's chat completion: whole, or chunk by chunk. */
import type { ChatCompletion, ChatCompletionChunk, ChatLogprobs } from '../../contract/chat.ts'
import type { FinishReason } from '../../contract/generation.ts'
import type { Id } from '../../contract/ids.ts'
import { collect, Meter, type Piece, textOf, type Wanted } from './collect.ts'
import type { Generation } from './generate.ts'

type Head = { id: Id<'chatCompletion'>; created: number; model: string }

export async function chatCompletion(
  head: Head,
  events: Generation,
  { n, logprobs }: Wanted,
): Promise<ChatCompletion> {
  const { answers, usage } = await collect(events, n)
  return {
    ...head,
    object: 'chat.completion',
    choices: answers.map((answer, index) => ({
      index,
      message: { role: 'assistant', content: textOf(answer.pieces), refusal: null },
      logprobs: logprobs ? chatLogprobs(answer.pieces) : null,
      finish_reason: answer.finishReason,
    })),
    usage,
  }
}

type Delta = ChatCompletionChunk['choices'][number]['delta']

/** A choice's first chunk names the role, its last one has the finish reason; then, if wanted, one with the usage. */
export async function* chatChunks(
  head: Head,
  events: Generation,
  { n, logprobs, includeUsage }: Wanted,
): AsyncGenerator<ChatCompletionChunk, void, void> {
  const chunk = (
    index: number,
    delta: Delta,
    told?: Piece,
    finish_reason: FinishReason | null = null,
  ): ChatCompletionChunk => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, logprobs: logprobs && told ? chatLogprobs([told]) : null, finish_reason }],
    ...(includeUsage && { usage: null }),
  })
  const meter = new Meter(n)
  for await (const { index, value: event } of events) {
    meter.count(index, event)
    switch (event.type) {
      case 'start':
        yield chunk(index, { role: 'assistant', content: '' })
        break
      case 'delta':
        yield chunk(index, { content: event.text }, event)
        break
      case 'end':
        yield chunk(index, {}, undefined, event.finishReason)
    }
  }
  if (includeUsage) yield { ...chunk(0, {}), choices: [], usage: meter.usage }
}

const chatLogprobs = (pieces: readonly Piece[]): ChatLogprobs => ({
  content: pieces
    .flatMap(({ logprobs = [] }) => logprobs)
    .map(({ token, bytes, logprob, top }) => ({
      ...{ token, bytes },
      logprob: logprob!, // a prompt stands before every token of an answer
      top_logprobs: top,
    })),
  refusal: null,
})
