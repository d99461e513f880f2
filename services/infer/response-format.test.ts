import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI, { BadRequestError } from 'openai'
import { LengthFinishReasonError } from 'openai/error'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openEngine } from '../../engine/index.ts'
import { loadTokenizer } from '../../engine/text/tokenizer.ts'
import { temporary } from '../../engine/tiny.case.ts'
import { baseModels } from '../../infra/base-models.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close: closeDatabase } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const engine = openEngine()
const models = fileURLToPath(new URL('../../models', import.meta.url))
const tokenizer = loadTokenizer(join(models, 'preamble-tiny'))
const bases = baseModels(models, { db, store })
const log = createLog({ name: 'test', level: 'silent' })
const limits = { scratch: join(root, 'scratch'), maxFileBytes: 2 ** 20, requestTimeout: 60_000 }
const app = createApp({ log, version: '0', db, store, bases, engine, ...limits })
const server = await listen(app, { host: '127.0.0.1', port: 0 })
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'unused', maxRetries: 0 })

afterAll(async () => {
  await server.close()
  await engine.close()
  await closeDatabase()
  remove()
})

const asked = {
  model: 'preamble-tiny',
  messages: [{ role: 'user' as const, content: '感冒了怎么办？' }],
  seed: 1,
}

const Advice = z.object({
  kind: z.enum(['rest', 'medicine', 'doctor']),
  days: z.int().min(1).max(14),
  steps: z
    .array(z.object({ text: z.string().max(12), urgent: z.boolean() }))
    .min(1)
    .max(2),
  note: z.string().max(8).nullable(),
  id: z.uuid(),
  until: z.iso.date(),
  address: z.ipv4(),
})

describe('the openai client', () => {
  test('parses an answer into the object of a zod schema', async () => {
    const answer = await openai.chat.completions.parse({
      ...asked,
      max_tokens: 500,
      response_format: zodResponseFormat(Advice, 'advice'),
    })
    expect(answer.choices[0]!.finish_reason).toBe('stop')
    expect(Advice.parse(answer.choices[0]!.message.parsed)).toEqual(answer.choices[0]!.message.parsed)
  })

  test('streams such an answer', async () => {
    const stream = openai.chat.completions.stream({
      ...asked,
      max_tokens: 500,
      response_format: zodResponseFormat(Advice, 'advice'),
    })
    const { choices } = await stream.finalChatCompletion()
    expect(Advice.parse(choices[0]!.message.parsed)).toEqual(JSON.parse(choices[0]!.message.content!))
  })

  test('is told when the token limit cuts an answer off', async () => {
    const request = { ...asked, max_tokens: 30, response_format: zodResponseFormat(Advice, 'advice') }
    await expect(openai.chat.completions.parse(request)).rejects.toThrow(LengthFinishReasonError)
    const answer = await openai.chat.completions.create(request)
    expect(answer.choices[0]!.finish_reason).toBe('length')
    expect(answer.choices[0]!.message.content).toMatch(/^\s*\{/)
  })

  test('gets a JSON object where any will do', async () => {
    // A small model knows no JSON; a bias for the quotation mark and the brace brings its strings to an end.
    const answer = await openai.chat.completions.create({
      ...asked,
      max_tokens: 500,
      logit_bias: Object.fromEntries(tokenizer.encode('"}]').map((id) => [id, 8])),
      response_format: { type: 'json_object' },
    })
    expect(answer.choices[0]!.finish_reason).toBe('stop')
    expect(
      z.record(z.string(), z.unknown()).safeParse(JSON.parse(answer.choices[0]!.message.content!)).success,
    ).toBe(true)
  })

  test.each([true, false])('is told which keyword is not supported (stream: %s)', async (stream) => {
    const schema = { type: 'object', properties: { n: { type: 'integer', multipleOf: 7 } } }
    const failed = openai.chat.completions.create({
      ...asked,
      stream,
      response_format: { type: 'json_schema', json_schema: { name: 'sevens', schema } },
    })
    await expect(failed).rejects.toThrow(BadRequestError)
    await expect(failed).rejects.toMatchObject({
      param: 'response_format',
      message: '400 the schema at $.properties.n: keyword "multipleOf" is not supported',
    })
  })
})
