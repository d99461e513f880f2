import { loadChatTemplate } from './chat-template.ts'
import { chatglmVersion } from './chatglm.ts'
import { chatglmChat } from './chatglm-chat.ts'
import type { Conversation } from './sample.ts'
import { templateChat } from './template-chat.ts'
import type { TextStream } from './text-stream.ts'
import { loadTokenizer, type Tokenizer } from './tokenizer.ts'

/** How a model reads conversations and ends its replies. */
export type Chat = {
  directory: string
  tokenizer: Tokenizer
  /** Ids that end a reply. */
  stopIds(): number[]
  /** The tokens after which the model is to reply. Throws when the model knows no such conversation. */
  promptTokens(conversation: Conversation): number[]
  /**
   * Cuts a conversation where serving would: before and after each reply. Each piece is encoded by itself,
   * so its tokens are those that serving would have read, and generated.
   */
  exchanges(conversation: Conversation): Exchange[]
  /** Decodes a generated reply, without what stands before its text. */
  replyStream(): Pick<TextStream, 'push' | 'end'>
}

/** One reply and what stands before and after it, in tokens. */
export type Exchange = {
  /** All since the last exchange: the model's prompt. */
  prompt: number[]
  reply: number[]
  /** What stands after a reply, from its first special token on; empty if there is none. */
  tail: number[]
}

/** Reads how the model of a Hugging Face directory chats. Throws an Error that names what is missing. */
export function loadChat(directory: string): Chat {
  const tokenizer = loadTokenizer(directory)
  const version = chatglmVersion(directory)
  if (version) return chatglmChat(directory, tokenizer, version)
  return templateChat({ directory, tokenizer, template: loadChatTemplate(directory) })
}
