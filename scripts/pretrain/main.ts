/**
 * `npm run pretrain`: makes `models/preamble-tiny` from nothing but this repository: text by program, random initial
 * weights, and the engine's own gradients of all weights. Writes the weights, the log and the loss curve.
 */
import { copyFileSync, createWriteStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { AdapterFiles } from '../../engine/adapters/adapter-files.ts'
import { type TrainEvent, train } from '../../engine/train.ts'
import { writeInitialCheckpoint } from '../../engine/weights/initial.ts'
import { decodeSafetensors, encodeSafetensors } from '../../engine/weights/safetensors.ts'
import { lossCurve } from './loss-curve.ts'
import { corpus } from './text.ts'

const { values: flags } = parseArgs({
  options: {
    out: { type: 'string', default: join(import.meta.dirname, '../../models/preamble-tiny') },
    conversations: { type: 'string', default: '200000' },
    steps: { type: 'string', default: '5500' },
  },
})
const seed = 20261124

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 704,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 64,
  vocab_size: 5120,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  torch_dtype: 'float16',
}

const args = {
  max_input_length: 256,
  max_output_length: 256,
  max_steps: Number(flags.steps),
  num_train_epochs: 1,
  per_device_train_batch_size: 64,
  per_device_eval_batch_size: 64,
  gradient_accumulation_steps: 1,
  learning_rate: 2e-3,
  lr_scheduler_type: 'cosine',
  warmup_steps: 100,
  weight_decay: 0.05,
  adam_beta1: 0.9,
  adam_beta2: 0.98,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  logging_steps: 20,
  eval_steps: 250,
  save_steps: 500,
  load_best_model_at_end: false,
  predict_with_generate: false,
  generation_max_new_tokens: 256,
  metric_for_best_model: 'loss',
  early_stopping_patience: 0,
  early_stopping_threshold: 0,
  group_by_length: true,
  packing: false,
  seed,
} as const

/** Keeps a checkpoint, its weights as float16: half the size, and far finer than the noise of training. */
function save(files: AdapterFiles): void {
  const file = join(flags.out, 'model.safetensors')
  writeFileSync(file, encodeSafetensors(decodeSafetensors(files['model.safetensors']!, file), 'F16'))
  writeFileSync(join(flags.out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

function report(event: TrainEvent): string | undefined {
  switch (event.type) {
    case 'start': {
      const { trainSamples, devSamples, trainableParameters, steps } = event
      return `${trainSamples} conversations, ${devSamples} dev, ${trainableParameters} weights, ${steps} steps`
    }
    case 'step': {
      const { step, loss, tokens, tokensPerSecond } = event
      return `step ${step}  loss ${loss.toFixed(3)}  tokens ${tokens}  ${tokensPerSecond.toFixed(0)} tokens/s`
    }
    case 'eval':
      return `step ${event.step}  dev loss ${event.loss.toFixed(3)}`
    default:
      return undefined
  }
}

const start = mkdtempSync(join(tmpdir(), 'preamble-pretrain-'))
for (const file of readdirSync(flags.out))
  if (file.endsWith('.json')) copyFileSync(join(flags.out, file), join(start, file))
writeInitialCheckpoint(start, config, seed)
const log = createWriteStream(join(flags.out, 'training-log.jsonl'))
const events: TrainEvent[] = []
try {
  const run = {
    base: start,
    ...corpus(Number(flags.conversations), 400, seed),
    method: { peft_type: 'FULL' as const },
    args,
  }
  for await (const event of train(run)) {
    const line = report(event)
    if (line) console.log(line)
    if (event.type === 'step' || event.type === 'eval') {
      events.push(event)
      log.write(`${JSON.stringify(event)}\n`)
    }
    if (event.type === 'checkpoint' || event.type === 'end') save(event.files)
    if (event.type === 'end') writeFileSync(join(flags.out, 'loss-curve.svg'), lossCurve(events))
  }
} finally {
  log.end()
  rmSync(start, { recursive: true })
}
