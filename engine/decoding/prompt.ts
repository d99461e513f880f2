import { InputError } from '../errors.ts'
import type { Chat } from '../text/chat.ts'
import type { Conversation } from '../text/sample.ts'
import type { TextStream } from '../text/text-stream.ts'

/** A conversation to answer, or a raw text to continue, which may come as its tokens. */
export type Prompt = Conversation | string | { tokens: readonly number[] }

type ReadPrompt = {
  prompt: readonly number[]
  /** Decodes the reply. */
  text: Pick<TextStream, 'push'>
  /** Of a raw prompt: the characters that each token completes, and all of its text. */
  texts: string[]
  echoed: string
}

/** @throws InputError when the template refuses the conversation, or a token is none */
export function readPrompt(chat: Chat, prompt: Prompt): ReadPrompt {
  if (typeof prompt !== 'string' && !('tokens' in prompt))
    return { prompt: chatTokens(chat, prompt), text: chat.replyStream(), texts: [], echoed: '' }
  const tokens = typeof prompt === 'string' ? rawTokens(chat, prompt) : knownTokens(chat, prompt.tokens)
  // The reply goes on where the prompt's text ends, be it within a character.
  const text = chat.tokenizer.stream()
  const texts = tokens.map((id) => text.push(id))
  return { prompt: tokens, text, texts, echoed: typeof prompt === 'string' ? prompt : texts.join('') }
}

function chatTokens(chat: Chat, conversation: Conversation): readonly number[] {
  try {
    return chat.promptTokens(conversation)
  } catch (error) {
    const { cause = error } = error as Error // what the template said, without the name of its file
    throw new InputError('invalid_messages', `the chat template refuses this: ${(cause as Error).message}`, {
      cause: error,
    })
  }
}

/** An empty text stands at the start of a document, as OpenAI's endpoint takes it: after bos, or what ended another. */
function rawTokens({ tokenizer, directory }: Chat, text: string): readonly number[] {
  const tokens = tokenizer.encodeRaw(text)
  if (tokens.length > 0) return tokens
  const start = tokenizer.bosId ?? tokenizer.eosIds[0]
  if (start === undefined)
    throw new Error(`${directory} names no bos_token or eos_token to start a text with`)
  return [start]
}

function knownTokens({ tokenizer }: Chat, tokens: readonly number[]): readonly number[] {
  const stranger = tokens.find((id) => id >= tokenizer.size)
  if (stranger === undefined) return tokens
  throw new InputError('invalid_prompt', unknownToken(stranger, tokenizer.size))
}

/** @throws InputError when the bias names an id that is none */
export function checkBias({ tokenizer }: Chat, bias: ReadonlyMap<number, number> = new Map()): void {
  const stranger = [...bias.keys()].find((id) => id >= tokenizer.size)
  if (stranger !== undefined)
    throw new InputError('invalid_logit_bias', unknownToken(stranger, tokenizer.size))
}

const unknownToken = (id: number, size: number) =>
  `there is no token ${id}; the model's have ids below ${size}`
