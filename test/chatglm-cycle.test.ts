/** A ChatGLM from its plain directory: tuned with ChatGLM3's own file, out as its scripts keep a prefix, and in again. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Adapter } from '../contract/adapter.ts'
import type { ChatCompletion } from '../contract/chat.ts'
import type { Job } from '../contract/job.ts'
import { temporary } from '../engine/tiny.case.ts'
import { writeInitialCheckpoint } from '../engine/weights/initial.ts'
import { type Server, startServer } from '../scripts/demo/server.ts'
import { stringReference } from './reference/load.ts'

const { root, remove } = temporary()
const home = temporary()
let server: Server

beforeAll(async () => {
  const directory = join(root, 'models', 'chatglm')
  writeInitialCheckpoint(
    directory,
    {
      ...{ model_type: 'chatglm', _name_or_path: 'THUDM/chatglm3-6b', num_layers: 2, hidden_size: 32 },
      ...{ ffn_hidden_size: 48, num_attention_heads: 4, kv_channels: 8, multi_query_attention: true },
      ...{ multi_query_group_num: 2, padded_vocab_size: 1664, seq_length: 128, add_qkv_bias: true },
    },
    1,
  )
  for (const file of ['tokenizer.model', 'tokenizer_config.json'])
    copyFileSync(join(stringReference('chatglm3').directory, file), join(directory, file))
  server = await startServer(home.root, { MODELS: join(root, 'models') })
})
afterAll(async () => {
  await server?.stop()
  home.remove()
  remove()
})

async function call<T>(path: string, body?: object | FormData): Promise<T> {
  const init = body && {
    method: 'POST',
    ...(body instanceof FormData
      ? { body }
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }
  const response = await fetch(`${server.url}/v1/${path}`, init)
  expect(response.ok, `${path}: ${response.ok ? '' : await response.clone().text()}`).toBe(true)
  return (await response.json()) as T
}

/** Trains to the end by a configuration file and answers the tuned model. */
async function tune(peft: string): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', new Blob(['你好\n多喝水。\n\n感冒了\n注意休息。\n']), 'corpus.txt')
  const { id: training_file } = await call<{ id: string }>('files', form)
  const config = `
max_input_length: 32
max_output_length: 32
training_args:
  max_steps: 40
  learning_rate: 5e-2
  per_device_train_batch_size: 2
  dataloader_num_workers: 16
peft_config:
  task_type: CAUSAL_LM
  ${peft}
`
  const { id } = await call<Job>('fine_tuning/jobs', { model: 'chatglm', training_file, config })
  let job = await call<Job>(`fine_tuning/jobs/${id}`)
  while (!job.finished_at) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    job = await call<Job>(`fine_tuning/jobs/${id}`)
  }
  expect(job.error).toBeNull()
  return job.fine_tuned_model!
}

async function answer(model: string): Promise<string> {
  const messages = [{ role: 'user', content: '你好' }]
  const { choices } = await call<ChatCompletion>('chat/completions', {
    ...{ model, messages, temperature: 0, max_tokens: 12 },
  })
  return choices[0]!.message.content!
}

async function again(model: string, format: string): Promise<string> {
  const exported = await fetch(
    `${server.url}/v1/adapters/${encodeURIComponent(model)}/export?format=${format}`,
  )
  expect(exported.status).toBe(200)
  const form = new FormData()
  form.set('base', 'chatglm')
  form.set('file', await exported.blob(), 'adapter.zip')
  return (await call<Adapter>('adapters/import', form)).model
}

test("a prefix answers the same after a way through ChatGLM's own files, and through PEFT's", async () => {
  const model = await tune('peft_type: PREFIX_TUNING\n  num_virtual_tokens: 8')
  const said = await answer(model)
  expect(said).not.toBe(await answer('chatglm'))
  expect(await answer(await again(model, 'chatglm'))).toBe(said)
  expect(await answer(await again(model, 'peft'))).toBe(said)
})

test('a LoRA of its fused projection answers the same after a way through the files of PEFT', async () => {
  const model = await tune('peft_type: LORA\n  r: 4\n  lora_alpha: 32\n  lora_dropout: 0.1')
  const said = await answer(model)
  expect(said).not.toBe(await answer('chatglm'))
  expect(await answer(await again(model, 'peft'))).toBe(said)
})
