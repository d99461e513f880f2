/** The serving loop: a conversation in, a stream of text out. */
import { loraBinding } from './adapters/lora.ts'
import type { Lora } from './adapters/lora-files.ts'
import { leaseAdapter } from './decoding/adapters.ts'
import { KeyValueCache } from './decoding/cache.ts'
import { openConstraint, type ReplyFormat } from './decoding/constraint.ts'
import type { Decoder } from './decoding/decoder.ts'
import type { TokenLogprob } from './decoding/logprobs.ts'
import { openDecoder } from './decoding/open.ts'
import { checkBias, type Prompt, readPrompt } from './decoding/prompt.ts'
import { PromptScores } from './decoding/prompt-scores.ts'
import { Reply, type ReplyEvent, type ReplyOptions } from './decoding/reply.ts'
import { countRunning } from './decoding/stats.ts'
import { InputError } from './errors.ts'
import type { Model } from './models/model.ts'
import { openModel } from './models/open.ts'
import { type Chat, loadChat } from './text/chat.ts'

/** Directories are read once and kept: what has another content needs another path. */
export type GenerateRequest = Omit<ReplyOptions, 'maxTokens'> & {
  /** A Hugging Face directory. */
  base: string
  /** A directory with PEFT's `adapter_config.json` and `adapter_model.safetensors`. */
  adapter?: string
  /** SHA-256 of `adapter_model.safetensors`: the adapter is this version, and no other. */
  adapterHash?: string
  prompt: Prompt
  /** What the reply must be; any text when absent. */
  format?: ReplyFormat
  /** Tells a raw prompt's own text, and how probable it was where `logprobs` are asked for. */
  echo?: boolean
  /** Most tokens to generate; what the context window leaves when absent. 0 only reads the prompt. */
  maxTokens?: number
}

export type GenerateEvent =
  /** `cachedTokens`: those of the prompt that need not be read again; absent where nothing is kept of prompts. */
  | {
      type: 'start'
      promptTokens: number
      cachedTokens?: number
      echo?: { text: string; logprobs?: TokenLogprob[] }
    }
  | ReplyEvent

/**
 * Generates one reply. Several streams may run at a time; they take turns token by token.
 * @throws InputError when the template refuses the conversation, the prompt does not fit the context window, the
 * adapter not the base, an id not the vocabulary, or a format cannot be kept to; an AbortError when `signal` says to stop
 */
export async function* generate(
  request: GenerateRequest,
  signal?: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  const base = await baseAt(request.base)
  const { model, chat, stops } = base
  const { tokenizer } = chat
  const { adapter, adapterHash } = request
  using lease =
    adapter === undefined ? undefined : leaseAdapter(model, { base: base.directory, adapter, adapterHash })
  const { prefix, lora } = lease?.adapter ?? {}
  const decoder = await decoderFor(base, lora)
  const cache = new KeyValueCache(model, prefix)
  const { prompt, text, texts, echoed } = readPrompt(chat, request.prompt)
  checkBias(chat, request.logitBias)
  const constraint = request.format && openConstraint(request.format, tokenizer, stops)
  const room = model.maxPositions - cache.position - prompt.length
  if (room < Math.min(1, request.maxTokens ?? 1))
    throw new InputError(
      'context_length_exceeded',
      `the prompt has ${prompt.length} tokens and the adapter ${cache.position}; ` +
        `the context window of ${model.maxPositions} leaves no room for a reply`,
    )
  using _running = countRunning()

  const { echo, logprobs: top } = request
  const scores = echo && top !== undefined ? new PromptScores(prompt, texts, top, tokenizer) : undefined
  const read = (tokens: readonly number[], score?: (logits: Float32Array) => void) => {
    signal?.throwIfAborted()
    return decoder.read(tokens, cache, lora?.parameters, score)
  }
  const scored = scores && (await read(prompt, (logits) => scores.push(logits)))
  const start = { type: 'start', promptTokens: prompt.length } as const
  yield echo ? { ...start, echo: { text: echoed, logprobs: scores?.tokens } } : start

  const maxTokens = Math.min(request.maxTokens ?? room, room)
  if (maxTokens === 0) return yield { type: 'end', finishReason: 'length', completionTokens: 0 }
  const reply = new Reply({ ...request, maxTokens }, { tokenizer, stops, text, constraint }, prompt)
  let logits = scored ?? (await read(prompt))
  for (;;) {
    const { token, events } = reply.next(logits)
    yield* events
    if (token === undefined) return
    logits = await read([token])
  }
}

type Base = {
  directory: string
  model: Model
  /** By the shape of the LoRA that they are compiled for; '' for none. */
  decoders: Map<string, Promise<Decoder>>
  chat: Chat
  stops: ReadonlySet<number>
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
  const base = { directory, model, decoders: new Map(), chat, stops }
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
