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
  expect(issue({ n: 2 })).toMatchObject({ path: ['n'], message: expect.stringContaining('one answer') })
  expect(issue({ tools: [{}] })).toMatchObject({ path: ['tools'] })
  expect(issue({ temprature: 0 })).toMatchObject({ code: 'unrecognized_keys', keys: ['temprature'] })
})

test('a prompt is a string or an array of one', () => {
  expect(CompletionRequest.parse({ model: 'm', prompt: ['once'] }).prompt).toBe('once')
  expect(CompletionRequest.safeParse({ model: 'm', prompt: ['a', 'b'] }).success).toBe(false)
})
