import type { Chat, Exchange } from './chat.ts'
import { cutToLimits } from './truncate.ts'

/** One turn of a conversation; templates read it as it is. */
export type Message = {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  /** What an assistant called. */
  tool_calls?: readonly ToolCall[]
  /** The call that a tool's turn answers, and the tool. */
  tool_call_id?: string
  name?: string
}

export type ToolCall = {
  id: string
  type: 'function'
  function: { name: string; arguments: Record<string, unknown> }
}

/** Turns in order: an optional system turn, then user and assistant alternating; tools may answer an assistant. */
export type Conversation = readonly Message[]

/** Most tokens of a prompt and of a reply; together the longest sample. */
export type Limits = { max_input_length: number; max_output_length: number }

/** A conversation ready to train on. */
export type Sample = {
  tokens: number[]
  /** Indices of the tokens to learn: each reply and the one token that ends it. */
  targets: number[]
  /** Set when the sample was cut: how many tokens it had, and may have. */
  truncated?: { tokens: number; limit: number }
}

/**
 * The tokens of a conversation as serving would have read and generated them, with the replies as targets.
 *
 * A sample longer than both limits together is cut to their sum: the exchange in which the limit falls has
 * its reply cut at the end, and what follows is left out. The token that ends the reply is always kept as
 * target. Where the first exchange is too long by itself, its reply keeps `max_output_length` and the
 * longest message of the prompt is shortened; as ChatGLM's scripts do, a prompt keeps its beginning.
 *
 * @throws when the conversation has no reply, or the template alone fills the limit
 */
export function trainingSample(chat: Chat, conversation: Conversation, limits: Limits): Sample {
  const all = chat.exchanges(conversation)
  if (all.length === 0) throw new Error('a conversation without an assistant turn has nothing to train on')
  const limit = limits.max_input_length + limits.max_output_length
  const whole = assemble(chat, all)
  if (whole.tokens.length <= limit) return whole
  const truncated = { tokens: whole.tokens.length, limit }
  return { ...assemble(chat, cutToLimits(chat, conversation, all, limits)), truncated }
}

/** Joins exchanges; the last one ends with the token that ends its reply. */
function assemble({ tokenizer, directory }: Chat, all: readonly Exchange[]): Sample {
  const tokens: number[] = []
  const targets: number[] = []
  for (const [i, { prompt, reply, tail }] of all.entries()) {
    tokens.push(...prompt)
    const next = all[i + 1]
    const start = tokens.length
    tokens.push(...reply)
    const end = tokens.length
    if (next) tokens.push(...tail)
    else tokens.push(tail[0] ?? tokenizer.eosIds[0] ?? noEos(directory))
    // Without a tail the next turn's role marker ends the reply; plain text does not.
    const ended = !next || tail.length > 0 || tokenizer.isSpecial(next.prompt[0]!)
    const last = ended ? end : end - 1
    for (let t = Math.max(start, 1); t <= last; t++) targets.push(t) // nothing predicts the first token
  }
  return { tokens, targets }
}

function noEos(directory: string): never {
  throw new Error(
    `${directory} names no eos_token and its chat template ends replies with no special token: replies cannot end`,
  )
}
