/** The options that `convert` and `tune` share: how a corpus becomes a training set and a dev set. */
import type { Split } from '../../contract/dataset.ts'
import type { Options, Values } from '../command.ts'

export const splitOptions = {
  'train-ratio': { kind: 'number', value: 'R', help: 'share of the conversations to train on (default 0.7)' },
  'split-seed': { kind: 'number', value: 'N', help: 'seed of the shuffle before the split' },
  'keep-order': { kind: 'flag', help: 'do not shuffle before the split' },
  'system-prompt': { kind: 'text', value: 'TEXT', help: 'begin every conversation with this system turn' },
} as const satisfies Options

/** The `split` of `POST /v1/datasets`; what was not given is left to the server. */
export const splitOf = (values: Values<typeof splitOptions>): Partial<Split> => ({
  train: values['train-ratio'],
  seed: values['split-seed'],
  shuffle: values['keep-order'] ? false : undefined,
})
