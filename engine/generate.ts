/** The serving loop: a conversation in, a stream of text out. */
import { loraBinding } from './adapters/lora.ts'
import type { Lora } from './adapters/lora-files.ts'
import { readAdapter, type StoredAdapter } from './adapters/peft.ts'
import { KeyValueCache } from './decoding/cache.ts'
import type { Decoder } from './decoding/decoder.ts'
import { openDecoder } from './decoding/open.ts'
import { Reply, type ReplyEvent, type ReplyOptions } from './decoding/reply.ts'
import { InputError } from './errors.ts'
import type { Model } from './models/model.ts'
import { openModel } from './models/open.ts'
import { type Chat, loadChat } from './text/chat.ts'
import type { Conversation } from './text/sample.ts'

/** Directories are read once and kept: what has another content needs another path. */
export type GenerateRequest = Omit<ReplyOptions, 'maxTokens'> & {
  /** A Hugging Face directory. */
  base: string
  /** A directory with PEFT's `adapter_config.json` and `adapter_model.safetensors`. */
  adapter?: string
  /** A conversation to answer, or a raw text to continue. */
  prompt: Conversation | string
  /** Most tokens to generate; what the context window leaves when absent. */
  maxTokens?: number
}

export type GenerateEvent = { type: 'start'; promptTokens: number } | ReplyEvent

/**
 * Generates one reply. Several streams may run at a time; they take turns token by token.
 * @throws InputError when the template refuses the conversation, the prompt does not fit the context window, or the
 * adapter not the base; an AbortError when `signal` says to stop
 */
export async function* generate(
  request: GenerateRequest,
  signal?: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  const base = await baseAt(request.base)
  const { model, chat, stops } = base
  const { prefix, lora } = adapterOf(base, request.adapter)
  const decoder = await decoderFor(base, lora)
  const cache = new KeyValueCache(model, prefix)
  const prompt =
    typeof request.prompt === 'string' ? rawTokens(chat, request.prompt) : chatTokens(chat, request.prompt)
  const room = model.maxPositions - cache.position - prompt.length
  if (room < 1)
    throw new InputError(
      'context_length_exceeded',
      `the prompt has ${prompt.length} tokens and the adapter ${cache.position}; ` +
        `the context window of ${model.maxPositions} leaves no room for a reply`,
    )
  yield { type: 'start', promptTokens: prompt.length }

  const text = typeof request.prompt === 'string' ? chat.tokenizer.stream(true) : chat.replyStream()
  const maxTokens = Math.min(request.maxTokens ?? room, room)
  const reply = new Reply({ ...request, maxTokens }, { vocabulary: chat.tokenizer.size, stops, text })
  let read: readonly number[] | undefined = prompt
  while (read) {
    signal?.throwIfAborted()
    const logits = await decoder.read(read, cache, lora?.parameters)
    const { token, events } = reply.next(logits)
    yield* events
    read = token === undefined ? undefined : [token]
  }
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

type Base = {
  directory: string
  model: Model
  /** By the shape of the LoRA that they are compiled for; '' for none. */
  decoders: Map<string, Promise<Decoder>>
  chat: Chat
  stops: ReadonlySet<number>
  /** By directory, the most recently used last. */
  adapters: Map<string, StoredAdapter>
}

/** Bases that this thread has opened. */
const bases = new Map<string, Promise<Base>>()

function baseAt(directory: string): Promise<Base> {
  const known = bases.get(directory)
  if (known) return known
  const opening = openBase(directory)
  bases.set(directory, opening)
  opening.catch(() => bases.delete(directory))
  return opening
}

async function openBase(directory: string): Promise<Base> {
  const chat = loadChat(directory)
  const stops = new Set(chat.stopIds())
  const model = openModel(directory)
  const base = { directory, model, decoders: new Map(), chat, stops, adapters: new Map() }
  await decoderFor(base)
  return base
}

/** LoRAs that adapt the same modules with the same ranks share a compiled decoder. */
function decoderFor({ directory, model, decoders }: Base, lora?: Lora): Promise<Decoder> {
  const shape = lora?.targets.map(({ module, rank }) => `${module.name}:${rank}`).join(' ') ?? ''
  const known = decoders.get(shape)
  if (known) return known
  const opening = openDecoder(model, directory, lora && loraBinding(lora.targets))
  decoders.set(shape, opening)
  opening.catch(() => decoders.delete(shape))
  return opening
}

/** Adapters that a base keeps: 64 prefixes of a 7B model take about 8 GB, of a small one next to nothing. */
const keptAdapters = 64

function adapterOf({ model, adapters }: Base, directory: string | undefined): StoredAdapter {
  if (directory === undefined) return {}
  const adapter = adapters.get(directory) ?? readAdapter(model, directory)
  adapters.delete(directory)
  adapters.set(directory, adapter)
  if (adapters.size > keptAdapters) adapters.delete(adapters.keys().next().value!)
  return adapter
}
