/** The corpus formats and every line of the table of bad input. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import type { Split } from '../contract/dataset.ts'
import type { Conversation } from './conversation.ts'
import { detectEncoding } from './encoding.ts'
import type { Entry } from './entry.ts'
import { prepare as prepareCorpus } from './prepare.ts'
import { readCorpus, readWhole } from './read.ts'
import { renderInThread } from './rendering.ts'

const root = await mkdtemp(join(tmpdir(), 'preamble-corpus-'))
afterAll(async () => {
  expect(await readdir(root)).toEqual([])
  await rm(root, { recursive: true })
})

const utf8 = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => readWhole(utf8(text))
const pairs = (conversations: Conversation[]) => conversations.map((turns) => turns.map((t) => t.content))
/** What was found wrong, as `line:column path code`. */
const found = async (bytes: Uint8Array | string) =>
  (await readWhole(typeof bytes === 'string' ? utf8(bytes) : bytes)).problems.list.map(
    ({ line, column, path, code }) =>
      [[line, column].filter(Boolean).join(':'), path, code].filter(Boolean).join(' '),
  )

/** What a dataset of the corpus is, and its files. */
async function prepare(bytes: Uint8Array, how: Split, systemPrompt?: string) {
  const files: Record<string, string> = {}
  const corpus = { content: Readable.from([bytes]), encoding: detectEncoding(bytes) }
  const made = await prepareCorpus(corpus, { ...how, systemPrompt }, root, async (name, path) => {
    files[name] = await readFile(path, 'utf8')
  })
  return { ...made, files }
}
const split = { train: 0.7, shuffle: false, seed: 1 }

const plain = 'q1\na1\n\nq2\na2 line 1\na2 line 2\n'
const expected = [
  ['q1', 'a1'],
  ['q2', 'a2 line 1\na2 line 2'],
]

test('a block is a question line and its answer lines', async () => {
  expect(pairs((await read(plain)).conversations)).toEqual(expected)
})

test('line ends, a missing last one, a byte-order mark and more blank lines change nothing', async () => {
  const variants = [
    plain.replaceAll('\n', '\r\n'),
    plain.replaceAll('\n', '\r'),
    plain.trimEnd(),
    `\uFEFF${plain}`,
    `\n\n  \n${plain.replace('\n\n', '\n \t\n\u3000\u3000\n\n')}\n\n\n`,
  ]
  for (const variant of variants) expect(pairs((await read(variant)).conversations)).toEqual(expected)
})

test('UTF-8, UTF-16 and GB 18030 are told apart and read alike', async () => {
  const text = '感冒了怎么办？\n多喝水，多休息。\n\n头痛呢？\n先休息。\n'
  const utf16 = (mark: string) => new Uint8Array(Buffer.from(mark + text, 'utf16le'))
  const swapped = (bytes: Uint8Array) => new Uint8Array(Buffer.from(bytes).swap16())
  // "头痛呢？\n先休息。\n" and "感冒" in GB 18030, byte by byte.
  const gb = Uint8Array.from([
    0xb8, 0xd0, 0xc3, 0xb0, 0x0a, 0xcf, 0xc8, 0xd0, 0xdd, 0xcf, 0xa2, 0xa1, 0xa3, 0x0a,
  ])
  const cases = {
    'utf-8': [utf8(text), utf8(`\uFEFF${text}`), utf8('plain ASCII\nanswer\n')],
    'utf-16le': [utf16('\uFEFF'), utf16('')],
    'utf-16be': [swapped(utf16('\uFEFF')), swapped(utf16(''))],
    gb18030: [gb],
  }
  for (const [encoding, inputs] of Object.entries(cases))
    for (const bytes of inputs) expect(detectEncoding(bytes)).toBe(encoding)
  expect(pairs((await readWhole(utf16('\uFEFF'))).conversations)[0]).toEqual([
    '感冒了怎么办？',
    '多喝水，多休息。',
  ])
  expect(pairs((await readWhole(gb)).conversations)).toEqual([['感冒', '先休息。']])
})

test('UTF-16 without a mark is known though its letters have halves that look like line breaks and NULs', async () => {
  const text = '上午感冒了怎么办？\n一上来先喝水。\n\n一天几次？\n上午一次。\n' // 上 is U+4E0A, 一 is U+4E00
  const little = new Uint8Array(Buffer.from(text, 'utf16le'))
  expect(detectEncoding(little)).toBe('utf-16le')
  expect(detectEncoding(new Uint8Array(Buffer.from(little).swap16()))).toBe('utf-16be')
})

test('all pairs may go to training', async () => {
  const { counts, problems } = await prepare(utf8('q\na\n'), { ...split, train: 1 })
  expect(counts).toEqual({ total: 1, train: 1, dev: 0 })
  expect(problems.total).toBe(0)
})

test('a corpus in pieces is the same as in one, wherever they are cut', async () => {
  const turns = [
    { role: 'user', content: 'q "1" \\ 😀' },
    { role: 'assistant', content: 'a\n1，' },
  ]
  const corpora = [
    '感冒了？\r\n 多喝水 "热的"。\r\n\r\n头痛\t\r😀先休息\r',
    JSON.stringify([{ q: 'q, [1]', a: '}a"' }, { conversations: turns }], null, 2),
    `${JSON.stringify({ messages: turns })}\r\n\n${JSON.stringify({ q: 'é', a: '好' })}`,
    '头痛\0\n休息\uFFFD\n\n没有回答',
    '[{"q": "a", "a": "b"}\n, {"q": 3}, x]',
  ]
  for (const corpus of corpora) {
    for (const bytes of [utf8(corpus), new Uint8Array(Buffer.from(`\uFEFF${corpus}`, 'utf16le'))]) {
      const whole = await readWhole(bytes)
      for (const size of [1, 2, 3, 7]) {
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        )
        const conversations: Conversation[] = []
        const take = (entry: Entry) => conversations.push(entry.conversation())
        const problems = await readCorpus(Readable.from(pieces), detectEncoding(bytes), take)
        expect({ conversations, problems: problems.list }).toEqual({
          conversations: whole.conversations,
          problems: whole.problems.list,
        })
      }
    }
  }
})

test('a conversation that is too long to be one is refused with its line', async () => {
  const long = '长'.repeat(6 * 2 ** 20) // 18 MiB
  expect(await found(`q\na\n\nq2\n${long}\n`)).toEqual(['5 too_long'])
  expect(await found(`q\na\n\nq2\n${`${long.slice(0, 2 ** 20)}\n`.repeat(6)}`)).toEqual(['4 too_long'])
  expect(await found(`[{"q": "q", "a": "a"},\n{"q": "q2", "a": "${long}"}]`)).toEqual(['1:23 too_long'])
  expect(await found(`{"q": "q", "a": "a"}\n{"q": "q2", "a": "${long}"}`)).toEqual(['2 too_long'])
})

test('a question without an answer names its line and its text', async () => {
  const { problems } = await read('q1\na1\n\nq2\n\nq3\na3\n')
  expect(problems.list).toEqual([
    {
      line: 4,
      severity: 'error',
      code: 'question_without_answer',
      message:
        'a question without an answer: "q2"; put the answer on the next line, without a blank line between',
    },
  ])
})

test('a problem that quotes the corpus can be stored whatever the corpus holds', async () => {
  const { problems } = await read(`q1\na1\n\nq\0${'😀'.repeat(100)}\n\nq3\na3\n`)
  const messages = problems.list.map(({ message }) => message)
  expect(messages.some((message) => message.includes('"q\uFFFD😀'))).toBe(true)
  expect(messages.filter((message) => message.includes('\0') || !message.isWellFormed())).toEqual([])
})

test('broken bytes, U+FFFD, NUL and control characters name line and column', async () => {
  const good = '感冒了怎么办？\n多喝水，多休息，注意保暖。\n\n'
  const broken = new Uint8Array([...utf8(`${good}头痛`), 0xe5, 0x0a, ...utf8('先休息一会儿。\n')])
  expect(detectEncoding(broken)).toBe('utf-8')
  expect(await found(broken)).toEqual(['4:3 invalid_character'])
  expect(await found(`${good}头\uFFFD痛\n休息\n`)).toEqual(['4:2 invalid_character'])
  expect(await found(`${good}头痛\n休\0息\n`)).toEqual(['5:2 invalid_character'])
  expect(await found(`${good}😀\u0007\n休息\n`)).toEqual(['4:2 invalid_character'])
  expect(
    (await readWhole(Uint8Array.from({ length: 300 }, (_, i) => (i * 89) % 256))).problems.firstError,
  ).toBeDefined()
})

test('plain text tells all its faults at once', async () => {
  expect(await found('头痛\0\n\n发烧\n多喝水\n')).toEqual([
    '1:3 invalid_character',
    '1 question_without_answer',
  ])
})

test('an empty file and a single pair are refused, each in its words', async () => {
  expect(await found('')).toEqual(['empty_corpus'])
  expect(await found(' \n\u3000\n')).toEqual(['empty_corpus'])
  expect(await found('[]')).toEqual(['empty_corpus'])
  const { problems, files } = await prepare(utf8('q\na\n'), split)
  expect(problems.firstError).toMatchObject({ code: 'too_few_pairs' })
  expect(files).toEqual({})
})

test('a repeated question is a warning with both places, and is kept', async () => {
  const { conversations, problems } = await read('q\na\n\np\nb\n\nq\nc\n')
  expect(conversations.length).toBe(3)
  expect(problems.list).toMatchObject([
    { line: 7, severity: 'warning', message: expect.stringContaining('line 1') },
  ])
  expect(problems.firstError).toBeUndefined()
})

test('the JSON formats give the same conversations', async () => {
  const simple = JSON.stringify([{ q: 'q1', a: 'a1' }])
  const turns = [
    { role: 'system', content: 's' },
    { role: 'user', content: 'q1' },
    { role: 'assistant', content: 'a1' },
    { role: 'user', content: 'q2' },
    { role: 'assistant', content: 'a2' },
  ]
  expect(pairs((await read(simple)).conversations)).toEqual([['q1', 'a1']])
  expect((await read(JSON.stringify([{ conversations: turns }], null, 2))).conversations).toEqual([turns])
  const lines = `${JSON.stringify({ messages: turns })}\n\n${JSON.stringify({ messages: turns.slice(0, 3) })}\n`
  expect((await read(lines)).conversations).toEqual([turns, turns.slice(0, 3)])
})

test('JSON that is no JSON names line and column', async () => {
  expect(await found('[\n  {"q": "a",\n   "a": b}\n]')).toEqual(['3:9 invalid_json'])
  expect(await found('[{"q": "a"')).toEqual(['1:11 invalid_json'])
  expect(await found('{"messages": []\n')).toEqual(['1:16 invalid_json'])
})

test('JSON of another shape names the path and what was expected', async () => {
  expect(await found('[{"q": "x", "a": 3}]')).toEqual(['$[0].a unexpected_shape'])
  expect(await found('[{"q": "x"}, 7]')).toEqual(['$[0].a unexpected_shape', '$[1] unexpected_shape'])
  expect(await found('[{"conversations": "x"}]')).toEqual(['$[0].conversations unexpected_shape'])
  expect(await found('[{"conversations": [{"role": "bot", "content": "x"}]}]')).toEqual([
    '$[0].conversations[0].role unexpected_shape',
  ])
  expect(await found('{"prompt": "x"}\n')).toEqual(['1 $.conversations unexpected_shape'])
  const { message } = (await read('[{"q": "x", "a": 3}]')).problems.list[0]!
  expect(message).toBe('expected a string, found a number')
})

test('roles out of order, a late system turn and empty content name conversation and turn', async () => {
  const of = async (...turns: [string, string][]) =>
    (
      await read(
        JSON.stringify([
          { q: 'x', a: 'y' },
          { conversations: turns.map(([role, content]) => ({ role, content })) },
        ]),
      )
    ).problems.list.map(({ code, message, path }) => `${code} ${path} ${message.split(':')[0]}`)
  expect(await of(['assistant', 'a'], ['user', 'b'])).toContain(
    'role_order $[1].conversations[0] conversation 2, turn 1',
  )
  expect(await of(['user', 'a'], ['system', 's'], ['assistant', 'b'])).toContain(
    'system_not_first $[1].conversations[1] conversation 2, turn 2',
  )
  expect(await of(['user', 'a'], ['assistant', ' '])).toEqual([
    'empty_content $[1].conversations[1] conversation 2, turn 2',
  ])
  expect(await of(['user', 'a'])).toEqual(['no_reply $[1].conversations[0] conversation 2, turn 1'])
})

test('more than a thousand problems are counted but not listed', async () => {
  const { problems } = await read('q\n\n'.repeat(1500))
  expect([problems.list.length, problems.total]).toEqual([1000, 1500])
})

const numbered = (n: number) => utf8(Array.from({ length: n }, (_, i) => `q${i}\na${i}\n`).join('\n'))

test('the training set has round(ratio · n) pairs and none is lost', async () => {
  for (const [n, train] of [
    [2, 1],
    [3, 2],
    [10, 7],
    [11, 8],
    [74, 52],
  ] as const) {
    const { counts, files } = await prepare(numbered(n), { ...split, shuffle: true })
    expect(counts).toEqual({ total: n, train, dev: n - train })
    const names = ['train.json', 'dev.json'] as const
    const all = names.flatMap((name) => JSON.parse(files[name]!) as { conversations: Conversation }[])
    expect(new Set(all.map((c) => c.conversations[0]!.content)).size).toBe(n)
  }
  expect((await prepare(numbered(3), { ...split, train: 0.99 })).counts).toEqual({
    total: 3,
    train: 2,
    dev: 1,
  })
  expect((await prepare(numbered(3), { ...split, train: 0.01 })).counts).toEqual({
    total: 3,
    train: 1,
    dev: 2,
  })
})

test('a corpus that is large enough for threads gives what a small one would', async () => {
  const n = 20_000
  const content = (i: number) => `${i} "${'—'.repeat(150)}"`
  const blocks = Array.from({ length: n }, (_, i) => `q${i}\n${content(i)}\n`)
  const { files } = await prepare(utf8(blocks.join('\n')), split)
  const json = (entries: object[]) => `${JSON.stringify(entries, null, 4)}\n`
  const all = blocks.map((_, i) => ({ q: `q${i}`, a: content(i) }))
  const conversations = all.map(({ q, a }) => ({
    conversations: [
      { role: 'user', content: q },
      { role: 'assistant', content: a },
    ],
  }))
  expect(files['original.json'] === json(all)).toBe(true)
  expect(files['train.json'] === json(conversations.slice(0, 0.7 * n))).toBe(true)
  expect(files['dev.json'] === json(conversations.slice(0.7 * n))).toBe(true)
})

test('what goes wrong in a thread is heard of', async () => {
  const nowhere = join(root, 'none', 'train.json')
  await expect(renderInThread({ path: nowhere, entries: [], form: 'pairs' })).rejects.toThrow('ENOENT')
})

test('a seed decides the split; without shuffling the order stays', async () => {
  const train = async (seed: number, shuffle: boolean) =>
    (await prepare(numbered(20), { train: 0.5, seed, shuffle })).files['train.json']!
  expect(await train(1, true)).toBe(await train(1, true))
  expect(await train(1, true)).not.toBe(await train(2, true))
  const order = (JSON.parse(await train(1, false)) as { conversations: Conversation }[]).map(
    (c) => c.conversations[0]!.content,
  )
  expect(order).toEqual(Array.from({ length: 10 }, (_, i) => `q${i}`))
})

test('the files are written with four spaces and with their characters as they are', async () => {
  const { files } = await prepare(utf8('感冒？\n休息 "好"\n\n头痛？\n睡觉\n'), split, '你是医生。')
  expect(files['original.json']!.startsWith('[\n    {\n        "q": "感冒？"')).toBe(true)
  expect(files['train.json']!).toContain('"content": "休息 \\"好\\""')
  expect(files['train.json']!).toContain('"role": "system"')
  expect((await prepare(utf8(plain), split)).files['original.json']!).toBe(
    '[\n    {\n        "q": "q1",\n        "a": "a1"\n    },\n    {\n        "q": "q2",\n        "a": "a2 line 1\\na2 line 2"\n    }\n]\n',
  )
})
