import { expect, test } from 'vitest'
import { ChatRequest } from './chat.ts'
import { CompletionRequest } from './completion.ts'

const request = { model: 'preamble-tiny', messages: [{ role: 'user', content: 'hi' }] }
const issue = (extra: object) => ChatRequest.safeParse({ ...request, ...extra }).error?.issues[0]

test('a chat request fills in what it leaves out or gives as null', () => {
  const defaults = { temperature: 1, top_p: 1, top_k: 0, stop: [], stream: false }
  expect(ChatRequest.parse(request)).toMatchObject(defaults)
  expect(ChatRequest.parse({ ...request, temperature: null, stop: null, stream: null })).toMatchObject(
    defaults,
  )
})

test('one stop text is a list of one', () => {
  expect(ChatRequest.parse({ ...request, stop: '\n' }).stop).toEqual(['\n'])
})

test('parts of text are joined, and a developer speaks as the system', () => {
  const parts = ['Be ', 'brief.'].map((text) => ({ type: 'text', text }))
  const { messages } = ChatRequest.parse({ ...request, messages: [{ role: 'developer', content: parts }] })
  expect(messages).toEqual([{ role: 'system', content: 'Be brief.' }])
})

test('fields that change nothing are accepted, fields that would are refused by name', () => {
  expect(issue({ user: 'u', n: 1, tools: [], response_format: { type: 'text' }, tool_choice: 'none' })).toBe(
    undefined,
  )
  expect(issue({ tools: [{}] })).toMatchObject({ path: ['tools'] })
  expect(issue({ temprature: 0 })).toMatchObject({ code: 'unrecognized_keys', keys: ['temprature'] })
})

test('top_logprobs need logprobs', () => {
  expect(issue({ top_logprobs: 2 })).toMatchObject({ path: ['top_logprobs'] })
  expect(issue({ top_logprobs: 2, logprobs: true })).toBe(undefined)
})

test('a bias is by the ids of tokens', () => {
  expect(ChatRequest.parse({ ...request, logit_bias: { 5: -100 } }).logit_bias).toEqual(new Map([[5, -100]]))
  expect(issue({ logit_bias: { five: 1 } })).toMatchObject({ path: ['logit_bias', 'five'] })
})

const turn = (message: object) => ChatRequest.safeParse({ ...request, messages: [message] })
const call = (json: string) => ({
  ...{ id: 'call_1', type: 'function' },
  function: { name: 'weather', arguments: json },
})

test('an answer comes back as it was given, or with the tools that it called', () => {
  const given = { role: 'assistant', content: 'Hi.', refusal: null, annotations: [], tool_calls: null }
  expect(turn(given).data!.messages).toEqual([{ role: 'assistant', content: 'Hi.' }])
  const called = turn({ role: 'assistant', content: null, tool_calls: [call('{"city":"Ulm"}')] })
  expect(called.data!.messages[0]).toMatchObject({
    content: '',
    tool_calls: [{ function: { name: 'weather', arguments: { city: 'Ulm' } } }],
  })
})

test.each([
  [{ role: 'robot', content: '' }, ['role']],
  [{ role: 'user', content: 'hi', name: 'Ada' }, ['name']],
  [{ role: 'assistant', content: null }, ['content']],
  [{ role: 'assistant', tool_calls: [call('[]')] }, ['tool_calls', 0, 'function', 'arguments']],
  [{ role: 'tool', content: '4' }, ['tool_call_id']],
  [{ role: 'assistant', content: 'hi', audio: { id: 'a' } }, ['audio']],
])('of a turn it is told what is wrong: %j', (message, path) => {
  expect(turn(message).error!.issues[0]!.path).toEqual(['messages', 0, ...path])
})

test.each([
  ['once', ['once']],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [[1, 2], [{ tokens: [1, 2] }]],
  [
    [[1], [2, 3]],
    [{ tokens: [1] }, { tokens: [2, 3] }],
  ],
])('prompts are %j', (prompt, wanted) => {
  expect(CompletionRequest.parse({ model: 'm', prompt }).prompt).toEqual(wanted)
})

test('a request has 128 answers at most', () => {
  const many = CompletionRequest.safeParse({ model: 'm', prompt: ['a', 'b', 'c'], n: 43 })
  expect(many.error!.issues[0]).toMatchObject({ path: ['n'] })
  expect(CompletionRequest.safeParse({ model: 'm', prompt: ['a', 'b'], n: 64 }).success).toBe(true)
})
