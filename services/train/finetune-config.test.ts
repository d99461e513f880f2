import { expect, test } from 'vitest'
import { ApiError } from '../../contract/errors.ts'
import { readFinetuneConfig } from './finetune-config.ts'

/** All keys of `ptuning_v2.yaml` and `lora.yaml`, which differ in `peft_config`. */
const file = (peft: string) => `
data_config:
  train_file: train.json
  val_file: dev.json
  test_file: dev.json
  num_proc: 16
max_input_length: 256
max_output_length: 512
training_args:
  output_dir: ./output
  max_steps: 3000
  learning_rate: 5e-5
  per_device_train_batch_size: 4
  dataloader_num_workers: 16
  remove_unused_columns: false
  save_strategy: steps
  save_steps: 500
  log_level: info
  logging_strategy: steps
  logging_steps: 10
  per_device_eval_batch_size: 16
  evaluation_strategy: steps
  eval_steps: 500
  # adam_epsilon: 1e-6
  predict_with_generate: true
  generation_config:
    max_new_tokens: 512
  deepspeed: ds_zero_2.json
  use_cpu: false
${peft}`
const args = {
  max_input_length: 256,
  max_output_length: 512,
  max_steps: 3000,
  learning_rate: 5e-5,
  per_device_train_batch_size: 4,
  per_device_eval_batch_size: 16,
  logging_steps: 10,
  save_steps: 500,
  eval_steps: 500,
  predict_with_generate: true,
  generation_max_new_tokens: 512,
}

test('ptuning_v2.yaml tunes a prefix', () => {
  const read = readFinetuneConfig(
    file('peft_config:\n  peft_type: PREFIX_TUNING\n  task_type: CAUSAL_LM\n  num_virtual_tokens: 128\n'),
  )
  expect(read.args).toEqual(args)
  expect(read.peft).toMatchObject({ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 128 })
})

test('lora.yaml tunes a LoRA, with the defaults of PEFT', () => {
  const peft = 'peft_config:\n  peft_type: LORA\n  task_type: CAUSAL_LM\n  r: 32\n  lora_dropout: 0.1\n'
  const read = readFinetuneConfig(file(peft))
  expect(read.args).toEqual(args)
  expect(read.peft).toMatchObject({ peft_type: 'LORA', r: 32, lora_alpha: 8, lora_dropout: 0.1 })
})

test('sft.yaml, without a peft_config, tunes all weights', () => {
  expect(readFinetuneConfig(file('')).peft).toEqual({ peft_type: 'FULL' })
})

test('keys without a meaning here are told, each with its reason', () => {
  const { warnings } = readFinetuneConfig(file(''))
  expect(warnings).toContain(
    'data_config.num_proc has no meaning here: files stay where they are, and reading them needs no processes',
  )
  const keys = warnings.map((warning) => warning.split(' ')[0])
  expect(keys).toContain('training_args.deepspeed')
  expect(keys).toContain('data_config.test_file')
  expect(keys).not.toContain('training_args.max_steps')
  expect(keys).not.toContain('training_args.predict_with_generate')
})

test("transformers' switch for checkpointing is left to the plan, a level of ours is taken", () => {
  const levelOf = (value: unknown) => {
    const { args, warnings } = readFinetuneConfig({ training_args: { gradient_checkpointing: value } })
    return [args.gradient_checkpointing, warnings.length]
  }
  expect(levelOf(true)).toEqual([undefined, 1])
  expect(levelOf('full')).toEqual(['full', 0])
})

test('JSON of the same shape is the same', () => {
  const json = {
    max_input_length: 8,
    training_args: { max_steps: 2 },
    peft_config: { peft_type: 'LORA' },
  }
  expect(readFinetuneConfig(json)).toMatchObject({
    args: { max_input_length: 8, max_steps: 2 },
    peft: { peft_type: 'LORA' },
  })
})

test('a strategy "no" is no step at all, and a share of warm-up a number of steps', () => {
  const yaml =
    'training_args:\n  max_steps: 30\n  warmup_ratio: 0.1\n  save_strategy: "no"\n  save_steps: 7\n'
  expect(readFinetuneConfig(yaml).args).toEqual({ max_steps: 30, warmup_steps: 3, save_steps: 0 })
})

test('what the file leaves out is what transformers would take', () => {
  expect(readFinetuneConfig('max_input_length: 4').defaults).toMatchObject({
    max_steps: -1,
    learning_rate: 5e-5,
  })
})

test.each([
  ['a key of nobody', 'max_input_lenght: 256', 'line 1: max_input_lenght is not known'],
  [
    'a key of nobody further down',
    'training_args:\n  max_steps: 3\n  learning_rte: 1\n',
    'line 3: training_args.learning_rte is not known',
  ],
  [
    'an adapter’s key of nobody',
    'peft_config:\n  peft_type: LORA\n  rank: 8\n',
    'line 3: peft_config.rank is not known',
  ],
  ['a kind of adapter not known', 'peft_config:\n  peft_type: IA3\n', 'line 2: peft_config.peft_type'],
  ['an adapter without a kind', 'peft_config:\n  r: 8\n', 'peft_config.peft_type'],
  [
    'a value of the wrong kind',
    'training_args:\n  max_steps: many\n',
    'line 2: training_args.max_steps is "many": ',
  ],
  [
    'an epoch as a measure',
    'training_args:\n  save_strategy: epoch\n',
    'only "steps" and "no" are implemented',
  ],
  ['another optimizer', 'training_args:\n  optim: adafactor\n', 'line 2: training_args.optim is "adafactor"'],
  ['another task', 'peft_config:\n  peft_type: LORA\n  task_type: SEQ_CLS\n', 'task_type is "SEQ_CLS"'],
  ['a warm-up of an unknown length', 'training_args:\n  warmup_ratio: 0.1\n', 'needs max_steps'],
  ['a list', '- max_input_length', 'is no YAML with keys and values'],
  ['an alias of nothing', '*nobody', 'is no YAML with keys and values'],
  ['U+0000', 'data_config: {train_file: "a\\0"}', 'data_config.train_file holds the character U+0000'],
  ['broken YAML', 'training_args:\n  a: [1, 2\n', 'line 3 is not YAML'],
  ['a part that is none', 'training_args: 3', 'line 1: training_args must hold keys and values'],
])('%s is refused by line and key', (_, yaml, message) => {
  expect(() => readFinetuneConfig(yaml)).toThrow(ApiError)
  expect(() => readFinetuneConfig(yaml)).toThrow(message)
})

test('all that is wrong is told at once', () => {
  expect(() => readFinetuneConfig('a: 1\nb: 2\ntraining_args:\n  c: 3\n')).toThrow(
    'config: line 1: a is not known; line 2: b is not known; line 4: training_args.c is not known',
  )
})
