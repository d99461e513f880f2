/** The options that say how it is trained. */
import type { Options, Values } from '../command.ts'

export const argsOptions = {
  epochs: { kind: 'number', value: 'N', help: 'passes over the training set' },
  steps: { kind: 'number', value: 'N', help: 'optimizer steps, instead of --epochs' },
  'learning-rate': { kind: 'number', value: 'R', help: 'highest learning rate' },
  'batch-size': { kind: 'number', value: 'N', help: 'conversations in a step' },
  'max-input-length': { kind: 'number', value: 'N', help: 'tokens of a prompt, at most' },
  'max-output-length': { kind: 'number', value: 'N', help: 'tokens of a reply, at most' },
  'quantization-bit': { kind: 'number', value: 'N', help: 'bits of the base: 4, 8, or 0 for as it is' },
  checkpointing: { kind: 'text', value: 'LEVEL', help: 'what is computed twice: none, selective or full' },
  together: { kind: 'flag', help: 'at the same time as other prefixes on this base that are tuned so' },
} as const satisfies Options

/** The request's `training_args`. */
export const argsOf = (values: Values<typeof argsOptions>) => ({
  num_train_epochs: values.epochs,
  // Whoever asks for epochs means epochs, also where the server would count steps.
  max_steps: values.steps ?? (values.epochs === undefined ? undefined : -1),
  learning_rate: values['learning-rate'],
  per_device_train_batch_size: values['batch-size'],
  max_input_length: values['max-input-length'],
  max_output_length: values['max-output-length'],
  quantization_bit: values['quantization-bit'],
  gradient_checkpointing: values.checkpointing,
  train_together: values.together,
})
