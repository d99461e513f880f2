/** The serving loop: a conversation in, a stream of text out. */
import type { StoredAdapter } from './adapters/peft.ts'
import { leaseAdapter } from './decoding/adapters.ts'
import { cacheBudget } from './decoding/budget.ts'
import { openConstraint, type ReplyFormat } from './decoding/constraint.ts'
import type { TokenLogprob } from './decoding/logprobs.ts'
import { openDecoder, type ServingForm } from './decoding/open.ts'
import { checkBias, type Prompt, readPrompt } from './decoding/prompt.ts'
import { PromptScores } from './decoding/prompt-scores.ts'
import { Reply, type ReplyEnd, type ReplyEvent, type ReplyOptions } from './decoding/reply.ts'
import { type Opener, Scheduler } from './decoding/scheduler.ts'
import { serving } from './decoding/stats.ts'
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
  /** Most tokens to generate, for which there must be room; what the context window leaves when absent. 0 only reads the prompt. */
  maxTokens?: number
  /** Whose text it is: what is read of it is kept for the same tenant only. */
  tenant?: string
  /** How the weights of the base are held, as its first request says; what their size suggests when absent. */
  form?: ServingForm
}

export type GenerateEvent =
  /** The request can be met, though it may still wait for its turn. */
  | { type: 'start'; promptTokens: number; echo?: { text: string; logprobs?: TokenLogprob[] } }
  | Exclude<ReplyEvent, ReplyEnd>
  /** `cachedTokens`: those of the prompt that had been read before. */
  | (ReplyEnd & { cachedTokens: number })

/**
 * Generates one reply. Several streams may run at a time; they share each step.
 * @throws InputError when the template refuses the conversation, the prompt does not fit the context window, the
 * adapter not the base, an id not the vocabulary, a format cannot be kept to,
 * or too many wait; an AbortError when `signal` says to stop
 */
export async function* generate(
  request: GenerateRequest,
  signal?: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  const base = await baseAt(request.base, request.form)
  const { directory, model, chat, stops, scheduler } = base
  const { tokenizer } = chat
  const { adapter: at, adapterHash } = request
  using lease =
    at === undefined ? undefined : leaseAdapter(model, { base: directory, adapter: at, adapterHash })
  const adapter = lease?.adapter ?? bare
  const { prompt, text, texts, echoed } = readPrompt(chat, request.prompt)
  checkBias(chat, request.logitBias)
  const constraint = request.format && openConstraint(request.format, tokenizer, stops)
  const maxTokens = limitOf(base, adapter, prompt.length, request.maxTokens)
  using reader = scheduler.enter(adapter, signal, request.tenant)

  const { echo, logprobs: top } = request
  const scores = echo && top !== undefined ? new PromptScores(prompt, texts, top, tokenizer) : undefined
  const scored = scores && (await reader.read(prompt, (logits) => scores.push(logits)))
  const start = { type: 'start', promptTokens: prompt.length } as const
  yield echo ? { ...start, echo: { text: echoed, logprobs: scores?.tokens } } : start

  const whole = (end: ReplyEnd): GenerateEvent => ({ ...end, cachedTokens: reader.cachedTokens })
  if (maxTokens === 0) return yield whole({ type: 'end', finishReason: 'length', completionTokens: 0 })
  const reply = new Reply({ ...request, maxTokens }, { tokenizer, stops, text, constraint }, prompt)
  let logits = scored ?? (await reader.read(prompt))
  for (;;) {
    const { token, events } = reply.next(logits)
    for (const event of events) yield event.type === 'end' ? whole(event) : event
    if (token === undefined) return
    logits = await reader.read([token])
  }
}

/**
 * Tokens that a reply may have: what is asked for, or else what the context window leaves, and the memory for keys and
 * values.
 * @throws InputError when either has no room for those that were asked for, or for one
 */
function limitOf(
  { model, scheduler }: Base,
  adapter: StoredAdapter,
  prompt: number,
  wanted?: number,
): number {
  const placed = model.positionRule === 'after_prefix' ? (adapter.prefix?.tokens ?? 0) : 0
  const room = model.maxPositions - placed - prompt
  if (room < (wanted ?? 1))
    throw new InputError(
      'context_length_exceeded',
      `the prompt has ${prompt} tokens and the adapter ${placed}; the context window of ${model.maxPositions} ` +
        (room < 1 ? 'leaves no room for a reply' : `leaves ${room} for a reply, and ${wanted} are asked for`),
    )
  const rows = scheduler.rows(adapter)
  const needed = prompt + (wanted ?? 1)
  if (needed > rows)
    throw new InputError(
      'context_length_exceeded',
      `prompt and reply may take ${needed} tokens; the memory that is set aside for keys and values holds ${rows}`,
    )
  return wanted ?? Math.min(room, rows - prompt)
}

type Base = {
  directory: string
  model: Model
  scheduler: Scheduler
  chat: Chat
  stops: ReadonlySet<number>
}

/** Bases that this thread has opened. */
const bases = new Map<string, Promise<Base>>()

function baseAt(directory: string, form?: ServingForm): Promise<Base> {
  const known = bases.get(directory)
  if (known) return known
  const opening = openBase(directory, form)
  bases.set(directory, opening)
  opening.catch(() => bases.delete(directory))
  return opening
}

/** Requests that may wait for others to end. */
const waiting = 256

async function openBase(directory: string, form?: ServingForm): Promise<Base> {
  const chat = loadChat(directory)
  const stops = new Set(chat.stopIds())
  const model = openModel(directory)
  const open: Opener = (options) => openDecoder(model, directory, { form, ...options })
  const scheduler = new Scheduler(model, open, { budget: cacheBudget, waiting })
  await scheduler.warm()
  serving.add(scheduler)
  return { directory, model, scheduler, chat, stops }
}

/** The base as it is. */
const bare: StoredAdapter = {}
