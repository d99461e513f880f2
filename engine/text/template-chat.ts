import type { Chat, Exchange } from './chat.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { Conversation } from './sample.ts'
import type { Tokenizer } from './tokenizer.ts'

/** A chat whose conversations are rendered as text by a template; its special tokens are named in the text. */
export function templateChat(model: {
  directory: string
  tokenizer: Tokenizer
  template: ChatTemplate
  /** Ids before every text. */
  start?: readonly number[]
}): Chat {
  const { directory, tokenizer, template, start = [] } = model

  /** The rendered conversation, where special tokens' texts in messages stay plain text. */
  const render = (conversation: Conversation, generationPrompt: boolean): string => {
    const guarded = conversation.map((turn) => ({ ...guardedIn(turn, tokenizer), role: turn.role }))
    return template(guarded, { generationPrompt, variables: tokenizer.namedTokens })
  }

  /** Throws when the template renders a reply otherwise than as the continuation of its prompt. */
  const exchanges = (conversation: Conversation): Exchange[] => {
    let before = ''
    const found: Exchange[] = []
    for (const [i, message] of conversation.entries()) {
      if (message.role !== 'assistant') continue
      const opened = render(conversation.slice(0, i), true)
      const closed = render(conversation.slice(0, i + 1), false)
      const prompt = tokenizer.encode(addition(directory, before, opened), before)
      const rest = tokenizer.encode(addition(directory, opened, closed), opened)
      const end = rest.findIndex((id) => tokenizer.isSpecial(id))
      if (end === 0 && message.content !== '')
        throw new Error(
          `the chat template in ${directory} does not open the reply when add_generation_prompt is true, ` +
            'so serving and training would differ',
        )
      found.push({
        prompt: before === '' ? [...start, ...prompt] : prompt,
        reply: end < 0 ? rest : rest.slice(0, end),
        tail: end < 0 ? [] : rest.slice(end),
      })
      before = closed
    }
    return found
  }

  return {
    directory,
    tokenizer,
    stopIds: () => stopIds(tokenizer, exchanges),
    promptTokens: (conversation) => [...start, ...tokenizer.encode(render(conversation, true))],
    exchanges,
    replyStream: () => tokenizer.stream(),
  }
}

/** A value with all texts in it guarded. */
function guardedIn<T>(value: T, tokenizer: Tokenizer): T
function guardedIn(value: unknown, tokenizer: Tokenizer): unknown {
  if (typeof value === 'string') return tokenizer.guard(value)
  if (Array.isArray(value)) return value.map((item) => guardedIn(item, tokenizer))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map((entry) => guardedIn(entry, tokenizer)))
}

/** The tokenizer's eos, and what the template puts after a reply. */
function stopIds({ eosIds }: Tokenizer, exchanges: Chat['exchanges']): number[] {
  const [probe] = exchanges([
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'a' },
  ])
  return [...new Set([...eosIds, ...probe!.tail.slice(0, 1)])]
}

function addition(directory: string, before: string, after: string): string {
  if (!after.startsWith(before))
    throw new Error(
      `the chat template in ${directory} changes what it rendered before a message when the message is ` +
        'added; such a template cannot be trained on',
    )
  return after.slice(before.length)
}
