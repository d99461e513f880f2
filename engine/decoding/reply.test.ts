import { expect, test } from 'vitest'
import { Reply, type ReplyEvent, type ReplyOptions } from './reply.ts'

// A token an entry: two halves of é, a special one, and one that ends replies. Ids 6 and 7 only pad.
const tokens = ['a', 'b', '\xc3', '\xa9', '<s>', '<end>']
const bytes = tokens.map((token) => Uint8Array.from(token, (c) => c.charCodeAt(0)))
const halves = (id: number) => id === 2 || id === 3
const decoder = () => new TextDecoder()
const tokenizer = {
  size: 6,
  unused: [] as number[],
  written: (id: number) => ({
    token: halves(id) ? `half ${id}` : tokens[id]!,
    bytes: id > 3 ? null : [...bytes[id]!],
  }),
}

const greedy = { temperature: 0, topP: 1, topK: 0, stop: [], maxTokens: 10 }
/** Logits by which this token comes next, with probability e² / (e² + 5). */
const rowFor = (token: number) => Float32Array.from({ length: 8 }, (_, id) => (id === token ? 2 : 0))

/** A reply that is given these tokens one after the other, until it ends. */
function reply(given: number[], options: Partial<ReplyOptions> = {}, unused: number[] = []) {
  const utf8 = decoder()
  const text = { push: (id: number) => (id > 3 ? '' : utf8.decode(bytes[id]!, { stream: true })) }
  const subject = new Reply(
    { ...greedy, ...options },
    { tokenizer: { ...tokenizer, unused }, stops: new Set([5]), text },
    [0],
  )
  const events: ReplyEvent[] = []
  const read: number[] = []
  for (const token of given) {
    const step = subject.next(rowFor(token))
    events.push(...step.events)
    if (step.token === undefined) break
    read.push(step.token)
  }
  return { events, read, deltas: events.filter((e) => e.type === 'delta') }
}

const end = (finishReason: 'stop' | 'length', completionTokens: number) => ({
  type: 'end',
  finishReason,
  completionTokens,
})

test('a token that ends replies is counted and not told, and nothing is to be read after it', () => {
  const { events, read } = reply([0, 1, 5, 0])
  expect(events).toEqual([{ type: 'delta', text: 'a' }, { type: 'delta', text: 'b' }, end('stop', 3)])
  expect(read).toEqual([0, 1])
})

test('the most tokens end a reply', () => {
  expect(reply([0, 1, 1], { maxTokens: 2 }).events.at(-1)).toEqual(end('length', 2))
})

test('ids that pad the vocabulary or that no token has are not chosen, however probable', () => {
  expect(reply([6], { maxTokens: 1 }).deltas).toEqual([{ type: 'delta', text: 'a' }])
  expect(reply([1], { maxTokens: 1 }, [0, 1, 2, 3, 4]).events).toEqual([end('stop', 1)])
})

test('penalties hear of the prompt and of each token', () => {
  // Token 1 has 2 against 0 at first; having come twice, less.
  const { read } = reply([1, 1, 1, 1], { frequencyPenalty: 1.01 })
  expect(read).toEqual([1, 1, 0, 2])
  expect(reply([0], { repetitionPenalty: 1e9, logitBias: new Map([[1, 0.1]]) }).read).toEqual([1])
})

const told = (deltas: ReplyEvent[]) =>
  deltas.map((e) => (e.type === 'delta' ? [e.text, e.logprobs?.map(({ token, text }) => [token, text])] : []))

test('logprobs are of the model itself, whatever is done to its logits', () => {
  const options = { logprobs: 2, logitBias: new Map([[3, 100]]), temperature: 0, maxTokens: 1, stop: [] }
  const [{ logprobs }] = reply([0], options).deltas as [Extract<ReplyEvent, { type: 'delta' }>]
  const [best, other] = [2 - Math.log(Math.exp(2) + 5), -Math.log(Math.exp(2) + 5)]
  expect(logprobs).toEqual([
    {
      ...{ token: 'half 3', bytes: [0xa9], text: '\ufffd' },
      logprob: expect.closeTo(other, 6),
      top: [
        { token: 'a', bytes: [97], logprob: expect.closeTo(best, 6) },
        { token: 'b', bytes: [98], logprob: expect.closeTo(other, 6) },
      ],
    },
  ])
})

test('logprobs come with the text that their tokens make up, halves of a character together', () => {
  expect(told(reply([0, 2, 3, 5], { logprobs: 0 }).deltas)).toEqual([
    ['a', [['a', 'a']]],
    [
      'é',
      [
        ['half 2', ''],
        ['half 3', 'é'],
      ],
    ],
  ])
})

test('logprobs of half a character at the end are told without text', () => {
  expect(told(reply([0, 2], { logprobs: 0, maxTokens: 2 }).deltas)).toEqual([
    ['a', [['a', 'a']]],
    ['', [['half 2', '']]],
  ])
})

test('logprobs of a stop text are held back with it, and told only if it was none', () => {
  expect(told(reply([0, 1, 0, 0, 5], { logprobs: 0, stop: ['aa'] }).deltas)).toEqual([
    [
      'ab',
      [
        ['a', 'a'],
        ['b', 'b'],
      ],
    ],
  ])
  expect(told(reply([1, 0, 5], { logprobs: 0, stop: ['aa'] }).deltas)).toEqual([
    ['b', [['b', 'b']]],
    ['a', [['a', 'a']]],
  ])
})
