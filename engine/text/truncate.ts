import type { Chat, Exchange } from './chat.ts'
import type { Conversation, Limits } from './sample.ts'

/** The first exchanges, the last of them cut, that take at most the limits' sum. */
export function cutToLimits(
  chat: Chat,
  conversation: Conversation,
  all: readonly Exchange[],
  limits: Limits,
): Exchange[] {
  let room = limits.max_input_length + limits.max_output_length
  const kept: Exchange[] = []
  for (const exchange of all) {
    const { prompt, reply, tail } = exchange
    const forReply = room - prompt.length - 1 // 1: the token that ends it
    if (reply.length > forReply) {
      if (kept.length === 0) return [shorten(chat, conversation, exchange, limits)]
      if (forReply > 0) kept.push({ ...exchange, reply: reply.slice(0, forReply) })
      break
    }
    kept.push(exchange)
    room -= prompt.length + reply.length + tail.length
  }
  return kept
}

/** The first exchange, cut to the limits' sum. */
function shorten(chat: Chat, conversation: Conversation, exchange: Exchange, limits: Limits): Exchange {
  const limit = limits.max_input_length + limits.max_output_length
  const { prompt, reply } = exchange
  const replyRoom = Math.max(limits.max_output_length, limit - prompt.length) - 1
  const cut = reply.slice(0, replyRoom)
  const promptRoom = limit - cut.length - 1
  if (prompt.length <= promptRoom) return { ...exchange, reply: cut }
  const turns = conversation.slice(
    0,
    conversation.findIndex((message) => message.role === 'assistant'),
  )
  return { ...exchange, prompt: shortPrompt(chat, turns, promptRoom), reply: cut }
}

/** Shortens the longest message until the prompt fits; half of it at most at a time, so that all shrink alike. */
function shortPrompt(chat: Chat, turns: Conversation, room: number): number[] {
  const prompt = chat.promptTokens(turns)
  if (prompt.length <= room) return prompt
  const { tokenizer } = chat
  const contents = turns.map(({ content }) => tokenizer.encode(tokenizer.guard(content)))
  const longest = contents.reduce((best, ids, i) => (ids.length > contents[best]!.length ? i : best), 0)
  const ids = contents[longest] ?? []
  if (ids.length <= 1)
    throw new Error(
      `max_input_length leaves ${room} tokens for the prompt, the chat template alone takes more`,
    )
  const keep = Math.max(ids.length - (prompt.length - room), Math.ceil(ids.length / 2))
  const stream = tokenizer.stream()
  const content = ids
    .slice(0, keep)
    .map((id) => stream.push(id))
    .join('') // an unfinished character is left out
  return shortPrompt(
    chat,
    turns.map((turn, i) => (i === longest ? { ...turn, content } : turn)),
    room,
  )
}
