/** Generations as OpenAI's older completion: whole, or chunk by chunk. */
import type { Completion, CompletionLogprobs } from '../../contract/completion.ts'
import type { FinishReason } from '../../contract/generation.ts'
import type { Id } from '../../contract/ids.ts'
import { collect, Meter, type Piece, textOf, type Wanted } from './collect.ts'
import type { Generation } from './generate.ts'

type Head = { id: Id<'completion'>; created: number; model: string }

export async function completion(
  head: Head,
  events: Generation,
  { n, logprobs }: Wanted,
): Promise<Completion> {
  const { answers, usage } = await collect(events, n)
  return {
    ...head,
    object: 'text_completion',
    choices: answers.map(({ pieces, finishReason }, index) => ({
      ...{ index, text: textOf(pieces) },
      logprobs: logprobs ? completionLogprobs(pieces, 0) : null,
      finish_reason: finishReason,
    })),
    usage,
  }
}

/** Pieces of the texts; a text's last one, empty, has the finish reason; then, if wanted, one with the usage. */
export async function* completionChunks(
  head: Head,
  events: Generation,
  { n, logprobs, includeUsage }: Wanted,
): AsyncGenerator<Completion, void, void> {
  /** Characters of each text so far. */
  const lengths: number[] = []
  const chunk = (index: number, told: Piece, finish_reason: FinishReason | null = null): Completion => {
    const offset = lengths[index] ?? 0
    lengths[index] = offset + charactersOf(told.text)
    return {
      ...head,
      object: 'text_completion',
      choices: [
        {
          ...{ index, text: told.text },
          logprobs: logprobs && told.logprobs ? completionLogprobs([told], offset) : null,
          finish_reason,
        },
      ],
      ...(includeUsage && { usage: null }),
    }
  }
  const meter = new Meter(n)
  for await (const { index, value: event } of events) {
    meter.count(index, event)
    switch (event.type) {
      case 'start':
        if (event.echo) yield chunk(index, event.echo)
        break
      case 'delta':
        yield chunk(index, event)
        break
      case 'end':
        yield chunk(index, { text: '' }, event.finishReason)
    }
  }
  if (includeUsage) yield { ...chunk(0, { text: '' }), choices: [], usage: meter.usage }
}

/** `offset`: characters of the text before the first of the pieces. */
function completionLogprobs(pieces: readonly Piece[], offset: number): CompletionLogprobs {
  let pieceAt = offset
  const tokens = pieces.flatMap(({ text, logprobs = [] }) => {
    let at = pieceAt
    pieceAt += charactersOf(text)
    return logprobs.map((token) => {
      const placed = { ...token, at }
      at += charactersOf(token.text)
      return placed
    })
  })
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ token, logprob, top }) =>
      logprob === null
        ? null
        : Object.fromEntries([...top, { token, logprob }].map((each) => [each.token, each.logprob])),
    ),
    text_offset: tokens.map(({ at }) => at),
  }
}

/** As OpenAI counts: a character beyond the Basic Multilingual Plane is one. */
const charactersOf = (text: string) => [...text].length
