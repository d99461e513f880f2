/** What the tests of training and generation share: a tiny Llama with random weights, and runs on it. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { textReference } from '../test/reference/load.ts'
import type { AdapterFiles } from './adapters/adapter-files.ts'
import type { Conversation } from './text/sample.ts'
import { type TrainEvent, type TrainRun, train } from './train.ts'
import type { TrainingArgs } from './training/training-args.ts'
import { writeInitialCheckpoint } from './weights/initial.ts'

const config = {
  model_type: 'llama',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 321,
  max_position_embeddings: 128,
}

/** A directory of its own for a test file, and what removes it. */
export function temporary(): { root: string; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'preamble-test-'))
  return { root, remove: () => rmSync(root, { recursive: true }) }
}

/** A Hugging Face directory with seeded random weights; the tokenizer is byte-level, the template ChatML. */
export function writeBase(directory: string, changed: Partial<typeof config> = {}): string {
  writeInitialCheckpoint(directory, { ...config, ...changed }, 1)
  return addTokenizer(directory)
}

/** The files that training gave, as a directory. */
export function writeFiles(directory: string, files: AdapterFiles): string {
  mkdirSync(directory, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
  return directory
}

export function addTokenizer(directory: string): string {
  const files = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'generation_config.json']
  for (const file of files) copyFileSync(join(textReference('chatml').directory, file), join(directory, file))
  return directory
}

export const talk = (question: string, answer: string): Conversation => [
  { role: 'user', content: question },
  { role: 'assistant', content: answer },
]

/** Four steps on batches of four, every step told, nothing evaluated or kept before the end. */
export const args: TrainingArgs = {
  max_input_length: 48,
  max_output_length: 48,
  max_steps: 4,
  num_train_epochs: 1,
  per_device_train_batch_size: 4,
  per_device_eval_batch_size: 4,
  gradient_accumulation_steps: 1,
  learning_rate: 1e-2,
  lr_scheduler_type: 'constant',
  warmup_steps: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  logging_steps: 1,
  eval_steps: 0,
  save_steps: 0,
  predict_with_generate: false,
  generation_max_new_tokens: 32,
  load_best_model_at_end: false,
  metric_for_best_model: 'loss',
  early_stopping_patience: 0,
  early_stopping_threshold: 0,
  group_by_length: false,
  packing: false,
  seed: 1,
}

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>

/** A run to its end: its events, by type too. */
export async function runOf(run: TrainRun) {
  const events = await Array.fromAsync(train(run))
  const only = <Type extends TrainEvent['type']>(type: Type) =>
    events.filter((event): event is EventOf<Type> => event.type === type)
  return {
    events,
    start: only('start')[0]!,
    losses: only('step').map((e) => e.loss),
    evals: only('eval'),
    checkpoints: only('checkpoint'),
    end: only('end')[0]!,
  }
}

/** What a generator returns in the end. */
export function ended<T, R>(generator: Generator<T, R, void>, told: (value: T) => void = () => {}): R {
  for (;;) {
    const next = generator.next()
    if (next.done) return next.value
    told(next.value)
  }
}
