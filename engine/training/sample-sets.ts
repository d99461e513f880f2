import { InputError } from '../errors.ts'
import type { Chat } from '../text/chat.ts'
import { type Conversation, type Limits, type Sample, trainingSample } from '../text/sample.ts'
import type { TokenSample } from './batch.ts'
import { pack } from './packing.ts'
import type { TrainingArgs } from './training-args.ts'

/** A sample that was cut to fit: its set and its place there, from 0; its length and the limit, in tokens. */
export type Cut = { set: 'train' | 'dev'; index: number; tokens: number; limit: number }

type Sets = {
  /** What training batches are made of: a sample each, or with `packing` a row of several. */
  train: TokenSample[]
  dev: Sample[]
  truncated: Cut[]
  /** Tokens of the longest of both sets. */
  longest: number
}

/**
 * The conversations of a run as tokens.
 * @param room tokens that the context window leaves beside the prefix
 * @throws InputError when there is nothing to train on, the limits exceed the room, or a conversation cannot be used
 */
export function sampleSets(
  run: {
    chat: Chat
    train: readonly Conversation[]
    dev: readonly Conversation[]
    args: Limits & Pick<TrainingArgs, 'packing' | 'seed'>
  },
  room: number,
): Sets {
  const { max_input_length, max_output_length, packing, seed } = run.args
  const limit = max_input_length + max_output_length
  if (limit > room)
    throw new InputError(
      'invalid_training_data',
      `max_input_length ${max_input_length} + max_output_length ${max_output_length} is ` +
        `${limit} tokens, but the context window leaves ${room} beside the prefix: lower them`,
    )
  if (run.train.length === 0)
    throw new InputError('invalid_training_data', 'the training set has no conversations')
  const samples = (set: 'train' | 'dev') =>
    run[set].map((conversation, i) => {
      try {
        return trainingSample(run.chat, conversation, run.args)
      } catch (error) {
        throw new InputError(
          'invalid_training_data',
          `${set} conversation ${i + 1}: ${(error as Error).message}`,
          { cause: error },
        )
      }
    })
  const [train, dev] = [samples('train'), samples('dev')]
  const cuts = (set: 'train' | 'dev', list: readonly Sample[]): Cut[] =>
    list.flatMap(({ truncated }, index) => (truncated ? [{ set, index, ...truncated }] : []))
  const rows = packing ? pack(train, limit, seed) : train
  return {
    train: rows,
    dev,
    truncated: [...cuts('train', train), ...cuts('dev', dev)],
    longest: [...rows, ...dev].reduce((n, s) => Math.max(n, s.tokens.length), 0),
  }
}
