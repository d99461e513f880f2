import { type ChatTemplate, loadChatTemplate } from './chat-template.ts'
import type { Conversation } from './sample.ts'
import { loadTokenizer, type Tokenizer } from './tokenizer.ts'

/** How a model reads conversations. */
export type Chat = {
  directory: string
  tokenizer: Tokenizer
  template: ChatTemplate
}

/** Reads tokenizer and chat template of a Hugging Face directory. Throws an Error that names what is missing. */
export const loadChat = (directory: string): Chat => ({
  directory,
  tokenizer: loadTokenizer(directory),
  template: loadChatTemplate(directory),
})

/** The tokens after which the model is to reply. */
export const promptTokens = (chat: Chat, conversation: Conversation): number[] =>
  chat.tokenizer.encode(render(chat, conversation, true))

/** Ids that end a reply: the tokenizer's eos, and what the template puts after a reply. */
export function stopIds(chat: Chat): number[] {
  const [probe] = exchanges(chat, [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'a' },
  ])
  return [...new Set([...chat.tokenizer.eosIds, ...probe!.tail.slice(0, 1)])]
}

/** One reply and what stands before and after it, in tokens. */
export type Exchange = {
  /** All since the last exchange: the model's prompt. */
  prompt: number[]
  reply: number[]
  /** What the template puts after a reply, from its first special token on; empty if it has none. */
  tail: number[]
}

/**
 * Cuts a conversation where serving would: before and after each reply. Each piece is encoded by itself,
 * so its tokens are those that serving would have read, and generated.
 * Throws when the template renders a reply otherwise than as the continuation of its prompt.
 */
export function exchanges(chat: Chat, conversation: Conversation): Exchange[] {
  let before = ''
  const found: Exchange[] = []
  for (const [i, message] of conversation.entries()) {
    if (message.role !== 'assistant') continue
    const opened = render(chat, conversation.slice(0, i), true)
    const closed = render(chat, conversation.slice(0, i + 1), false)
    const prompt = chat.tokenizer.encode(addition(chat, before, opened), before)
    const rest = chat.tokenizer.encode(addition(chat, opened, closed), opened)
    const end = rest.findIndex((id) => chat.tokenizer.isSpecial(id))
    if (end === 0 && message.content !== '')
      throw new Error(
        `the chat template in ${chat.directory} does not open the reply when add_generation_prompt is true, ` +
          'so serving and training would differ',
      )
    found.push({ prompt, reply: end < 0 ? rest : rest.slice(0, end), tail: end < 0 ? [] : rest.slice(end) })
    before = closed
  }
  return found
}

/** The rendered conversation, where special tokens' texts in messages stay plain text. */
function render(
  { tokenizer, template }: Chat,
  conversation: Conversation,
  generationPrompt: boolean,
): string {
  const guarded = conversation.map((message) => ({ ...message, content: tokenizer.guard(message.content) }))
  return template(guarded, { generationPrompt, variables: tokenizer.namedTokens })
}

function addition(chat: Chat, before: string, after: string): string {
  if (!after.startsWith(before))
    throw new Error(
      `the chat template in ${chat.directory} changes what it rendered before a message when the message is ` +
        'added; such a template cannot be trained on',
    )
  return after.slice(before.length)
}
