import { createHash } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import { InputError } from '../errors.ts'
import type { Chat } from '../text/chat.ts'
import { type Conversation, type Limits, type Sample, trainingSample } from '../text/sample.ts'
import type { TokenSample } from './batch.ts'
import { type Conversations, openConversations } from './conversations.ts'
import { joined, pack } from './packing.ts'
import type { TrainingArgs } from './training-args.ts'

/** A sample that was cut to fit: its set and its place there, from 0; its length and the limit, in tokens. */
export type Cut = { set: 'train' | 'dev'; index: number; tokens: number; limit: number }

/** Samples that are made when they are asked for: memory holds how long each one is. */
export type Samples = {
  /** In tokens. */
  readonly lengths: readonly number[]
  at(index: number): TokenSample
}

/** Until they are disposed of. */
export type SampleSets = Disposable & {
  /** What training batches are made of: a sample each, or with `packing` a row of several. */
  train: Samples
  dev: Samples
  /** Conversations to train on. */
  trainSamples: number
  truncated: Cut[]
  /** Tokens of the longest of both sets. */
  longest: number
  /** The most targets that a sample, or row, to train on has. */
  labelled: number
  /** Of all tokens and targets, in hexadecimal. */
  hash: string
}

export type SetsRequest = {
  chat: Chat
  train: Conversations
  dev: Conversations
  args: Limits & Pick<TrainingArgs, 'packing' | 'seed'>
}

/** Conversations that are read before a stop can come through. */
const atOnce = 256

/**
 * The conversations of a run as tokens.
 * @param room tokens that the context window leaves beside the prefix
 * @throws InputError when there is nothing to train on, the limits exceed the room, or a conversation cannot be used
 */
export async function sampleSets(
  { chat, args, ...sets }: SetsRequest,
  room: number,
  signal?: AbortSignal,
): Promise<SampleSets> {
  const { max_input_length, max_output_length, packing, seed } = args
  const limit = max_input_length + max_output_length
  if (limit > room)
    throw new InputError(
      'invalid_training_data',
      `max_input_length ${max_input_length} + max_output_length ${max_output_length} is ` +
        `${limit} tokens, but the context window leaves ${room} beside the prefix: lower them`,
    )
  const sampleOf = (conversation: Conversation, set: 'train' | 'dev', index: number): Sample => {
    try {
      return trainingSample(chat, conversation, args)
    } catch (error) {
      const message = `${set} conversation ${index + 1}: ${(error as Error).message}`
      throw new InputError('invalid_training_data', message, { cause: error })
    }
  }
  using sources = new DisposableStack()
  const opened = {
    train: sources.use(openConversations(sets.train)),
    dev: sources.use(openConversations(sets.dev)),
  }
  const hash = createHash('sha256')
  const truncated: Cut[] = []
  async function read(set: 'train' | 'dev') {
    const conversations = opened[set]
    const [lengths, labelled]: [number[], number[]] = [[], []]
    for (const conversation of conversations.all()) {
      const index = lengths.length
      const { tokens, targets, truncated: cut } = sampleOf(conversation, set, index)
      if (cut) truncated.push({ set, index, ...cut })
      hash.update(`${tokens};${targets}.`)
      lengths.push(tokens.length)
      labelled.push(targets.length)
      if (lengths.length % atOnce === 0) await immediate()
      signal?.throwIfAborted()
    }
    const at = (index: number): TokenSample => sampleOf(conversations.at(index), set, index)
    return { samples: { lengths, at }, labelled }
  }
  const { samples, labelled } = await read('train')
  if (samples.lengths.length === 0)
    throw new InputError('invalid_training_data', 'the training set has no conversations')
  const dev = (await read('dev')).samples
  const rows = packing ? pack(samples.lengths, limit, seed) : undefined
  const train = rows ? inRows(samples, rows) : samples
  const held = sources.move()
  return {
    ...{ train, dev, truncated },
    trainSamples: samples.lengths.length,
    longest: Math.max(longestOf(train), longestOf(dev)),
    labelled: most(rows ? sums(rows, labelled) : labelled),
    hash: hash.digest('hex'),
    [Symbol.dispose]: () => held.dispose(),
  }
}

const inRows = ({ lengths, at }: Samples, rows: readonly number[][]): Samples => ({
  lengths: sums(rows, lengths),
  at: (index) => joined(rows[index]!.map(at)),
})

/** Of what each row holds. */
const sums = (rows: readonly number[][], values: readonly number[]): number[] =>
  rows.map((row) => row.reduce((sum, index) => sum + values[index]!, 0))

/** Tokens of the longest sample. */
export const longestOf = ({ lengths }: Samples): number => most(lengths)

const most = (values: readonly number[]): number => values.reduce((n, value) => Math.max(n, value), 0)
