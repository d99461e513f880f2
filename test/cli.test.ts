/** The command line as a user types it, against a really started server with a tiny base model. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from '../engine/tiny.case.ts'
import { unzip } from '../infra/zip/unzip.ts'
import { type Server, startServer } from '../scripts/demo/server.ts'
import { startHub, type TestHub } from '../services/models/hub.case.ts'

const { root, remove } = temporary()
// Directly below the system's temporary directory: when we are root, Postgres runs as a user who must get there.
const home = temporary()
const corpus = join(root, 'corpus.txt')
let server: Server
let hub: TestHub
beforeAll(async () => {
  const { end } = await runOf({
    base: writeBase(join(root, 'untaught')),
    train: [talk('你好', '你好，多喝水。')],
    dev: [],
    method: { peft_type: 'FULL' },
    args: { ...args, max_steps: 60 },
  })
  addTokenizer(writeFiles(join(root, 'models', 'tiny'), end.files))
  await writeFile(corpus, '你好\n你好，多喝水。\n\n数\n一二三\n四\n\n感冒了\n多休息。\n')
  const tiny = join(root, 'models', 'tiny')
  const files = (await readdir(tiny)).map(async (name) => [name, await readFile(join(tiny, name))] as const)
  hub = await startHub('someone/tiny-chat', Object.fromEntries(await Promise.all(files)))
  server = await startServer(home.root, { MODELS: join(root, 'models'), HF_ENDPOINT: hub.endpoint })
})
afterAll(async () => {
  await server?.stop()
  await hub?.close()
  home.remove()
  remove()
})

/** Runs `preamble ...words` and answers what it printed and its exit code. */
function preamble(words: string[], { input = '', url = server.url, key = '', env: more = {} } = {}) {
  const bin = join(import.meta.dirname, '..', 'cli', 'bin.mjs')
  return new Promise<{ out: string; err: string; code: number }>((resolve) => {
    const env = { ...process.env, PREAMBLE_URL: url, PREAMBLE_API_KEY: key, ...more }
    const child = execFile(process.execPath, [bin, ...words], { env }, (_, out, err) =>
      resolve({ out, err, code: child.exitCode! }),
    )
    child.stdin!.end(input)
  })
}

test('preamble doctor finds what is well beside the running server, and what is broken', async () => {
  const place = {
    PORT: new URL(server.url).port,
    PREAMBLE_HOME: home.root,
    DATABASE_URL: '',
    STORAGE_URL: '',
  }
  const env = { ...place, MODELS: join(root, 'models') }
  const well = await preamble(['doctor'], { env })
  expect(well).toMatchObject({ code: 0, err: '' })
  expect(well.out).toMatch(/^ok +address +a server runs on 127\.0\.0\.1 port \d+$/m)
  expect(well.out).toMatch(/^ok +migrations +all \d+ applied$/m)
  expect(well.out).toMatch(/^ok +models +tiny$/m)

  const broken = await preamble(['doctor'], { env: { ...env, MODELS: join(root, 'nothing') } })
  expect(broken.out).toMatch(/^FAIL +models +no base model below .*nothing/m)
  expect(broken).toMatchObject({
    code: 1,
    err: 'preamble: something is wrong: see the lines that say FAIL\n',
  })

  const unread = await preamble(['doctor'], { env: { ...env, PORT: 'http' } })
  expect(unread.out).toBe(
    'FAIL  configuration  PORT: "http" is not valid; expected a port from 0 to 65535 (0: any free one)\n',
  )
  expect(unread.code).toBe(1)
})

test('preamble plan shows what is chosen and how memory would be used', async () => {
  const options = ['--base', 'tiny', '--method', 'lora', '--batch-size', '2', '--checkpointing', 'full']
  const limits = ['--max-input-length', '40', '--max-output-length', '40']
  const { code, out } = await preamble(['plan', ...options, ...limits])
  expect(code).toBe(0)
  expect(out).toMatch(/^model +tiny, LORA$/m)
  expect(out).toMatch(/^checkpointing +full$/m)
  expect(out).toMatch(/^at a time +2 × 80 tokens, 1 times a step$/m)
  for (const part of ['base', 'activations', 'optimizer', 'workspace', 'total', 'available'])
    expect(out).toMatch(new RegExp(`^${part} +\\d+\\.\\d\\d GiB  [█░]{30}$`, 'm'))
  expect(await preamble(['plan', '--base', 'none'])).toMatchObject({ code: 1 })
})

describe('preamble convert', () => {
  test('writes the three files, characters as they are, and leaves nothing on the server', async () => {
    const out = join(root, 'out')
    const { code, out: printed } = await preamble(['convert', corpus, '--out', out, '--keep-order'])
    expect(code).toBe(0)
    expect(printed).toContain('3 conversations: 2 train, 1 dev')
    expect((await readdir(out)).sort()).toEqual(['dev.json', 'original_data.json', 'train.json'])
    const original = await readFile(join(out, 'original_data.json'), 'utf8')
    expect(original).toMatch(/^\[\n {4}\{\n {8}"q": "你好",\n/)
    expect(JSON.parse(original)[1]).toEqual({ q: '数', a: '一二三\n四' })
    const train = JSON.parse(await readFile(join(out, 'train.json'), 'utf8'))
    expect(train[0].conversations[0]).toEqual({ role: 'user', content: '你好' })
    for (const list of ['files', 'datasets']) {
      expect((await (await fetch(`${server.url}/v1/${list}`)).json()).data).toEqual([])
    }
  })

  test('names file and line of an error and writes nothing', async () => {
    const wrong = join(root, 'wrong.txt')
    await writeFile(wrong, '问\n答\n\n没有答案\n\n问\n答\n')
    const { code, err } = await preamble(['convert', wrong, '--out', join(root, 'none')])
    expect(code).toBe(1)
    expect(err.split('\n')).toEqual([
      expect.stringContaining(`${wrong}:4: error: `),
      expect.stringContaining(`${wrong}:6: warning: `),
      `preamble: ${wrong} cannot be used as it is; nothing was made of it`,
      '',
    ])
    await expect(readdir(join(root, 'none'))).rejects.toThrow('ENOENT')
  })
})

test('preamble convert sends a large corpus in parts, says how far it is, and loses nothing', async () => {
  const [large, out] = [join(root, 'large.txt'), join(root, 'large')]
  const answer = '多喝水。'.repeat(80_000) // 1 MB
  await writeFile(large, Array.from({ length: 70 }, (_, i) => `问题${i}\n${answer}\n`).join('\n'))
  const converted = await preamble(['convert', large, '--out', out])
  expect(converted).toMatchObject({ code: 0, err: expect.stringMatching(/67\.2 of 67\.2 MB/) })
  expect(converted.out).toContain('70 conversations: 49 train, 21 dev')
  const sets = await Promise.all(
    ['train', 'dev'].map(async (set) => JSON.parse(await readFile(join(out, `${set}.json`), 'utf8'))),
  )
  expect(sets.map((set) => set.length)).toEqual([49, 21])
  const turns = sets.flat().map(({ conversations }) => conversations)
  expect(new Set(turns.map(([question]) => question.content)).size).toBe(70)
  expect(turns.every((turn) => turn[1].content === answer)).toBe(true)
})

test('preamble tune trains a model, which preamble chat talks to and preamble models lists', async () => {
  const quick = ['--base', 'tiny', '--steps', '4', '--virtual-tokens', '8', '--seed', '3', '--suffix', 'cli']
  // The tiny base has a window of 128 tokens.
  const tuned = await preamble([
    'tune',
    corpus,
    ...quick,
    '--max-input-length',
    '40',
    '--max-output-length',
    '40',
  ])
  expect(tuned.err).toBe('')
  expect(tuned.code).toBe(0)
  expect(tuned.out).toMatch(/step 4\/4 {2}loss \d/)
  expect(tuned.out).toMatch(/dev loss: base [\d.]+, tuned [\d.]+ \([\d.]+ × base\)/)
  const model = /preamble chat (ft:tiny:cli:\w+)/.exec(tuned.out)![1]!
  expect((await preamble(['models'])).out).toBe(`tiny\n${model}\n`)
  expect((await preamble(['jobs'])).out).toMatch(new RegExp(`^ftjob-\\w+ {2}succeeded {2}${model}\n$`))
  expect((await preamble(['chat', model, '--message', '你好', '--max-tokens', '3'])).code).toBe(0)
})

test('preamble adapters takes an adapter out and in again, as a zip and as a directory', async () => {
  const [id, method, source, model] = (await preamble(['adapters', 'list'])).out.trim().split('  ')
  expect([method, source, model]).toEqual(['PREFIX_TUNING', 'job', expect.stringMatching(/^ft:tiny:cli:/)])
  const out = join(root, 'adapter.zip')
  expect(await preamble(['adapters', 'export', model!, '--out', out])).toMatchObject({
    code: 0,
    out: `${out}\n`,
  })
  const directory = join(root, 'adapter')
  await mkdir(directory)
  const names = ['adapter_config.json', 'adapter_model.safetensors', 'README.md']
  await unzip(out, directory, { names, maxBytes: 2 ** 20 })

  for (const path of [out, directory]) {
    const imported = await preamble(['adapters', 'import', path, '--suffix', 'back'])
    expect(imported.err).toBe('')
    const again = /^adapter_\w+ is ready: preamble chat (ft:tiny:back:\w+)\n$/.exec(imported.out)![1]!
    const said = async (name: string) =>
      (await preamble(['chat', name, '--message', '你好', '--temperature', '0', '--max-tokens', '8'])).out
    expect(await said(again)).toBe(await said(model!))
  }
  expect((await preamble(['adapters', 'list', '--limit', '2'])).out).not.toContain(id)
})

const config = `
data_config:
  train_file: train.json
  val_file: dev.json
  num_proc: 16
max_input_length: 40
max_output_length: 40
training_args:
  output_dir: ./output
  max_steps: 3
  learning_rate: 1e-3
  per_device_train_batch_size: 2
  evaluation_strategy: steps
  eval_steps: 500
  deepspeed: ds_zero_2.json
peft_config:
  peft_type: LORA
  task_type: CAUSAL_LM
  r: 2
  target_modules: ['q_proj', 'down_proj']
`

test("preamble tune --config runs a file of ChatGLM3's scripts, on the data it names or on a corpus", async () => {
  const data = join(root, 'data')
  expect((await preamble(['convert', corpus, '--out', data])).code).toBe(0)
  await writeFile(join(data, 'lora.yaml'), config)
  const given = ['--base', 'tiny', '--config', join(data, 'lora.yaml')]
  for (const source of [[], [data], [corpus]]) {
    const tuned = await preamble(['tune', ...source, ...given])
    expect(tuned.err).toBe('')
    expect(tuned.out).toContain('data_config.num_proc has no meaning here')
    expect(tuned.out).toContain('training_args.deepspeed has no meaning here')
    // Rank 2 in two modules of two layers: inputs and outputs of 32 and 32, and of 64 and 32.
    expect(tuned.out).toContain(`Training ${2 * 2 * (32 + 32 + 64 + 32)} parameters for 3 steps`)
    expect(tuned.out).toMatch(/dev loss: base/)
  }
})

test.each([
  ['lora', ['--rank', '2', '--target-modules', 'all-linear']],
  ['prefix', ['--init-text', '你好', '--virtual-tokens', '4']],
  ['full', []],
])('preamble tune --method %s makes a model that answers', async (method, own) => {
  const quick = ['--base', 'tiny', '--steps', '2', '--learning-rate', '1e-6', '--method', method, ...own]
  const limits = ['--max-input-length', '40', '--max-output-length', '40']
  const tuned = await preamble(['tune', corpus, ...quick, ...limits])
  expect(tuned.err).toBe('')
  const model = /preamble chat (ft:tiny::\w+)/.exec(tuned.out)![1]!
  const answer = await preamble(['chat', model, '--message', '你好', '--temperature', '0'])
  // Two steps of next to nothing: what the base knows by heart is still there, where no other text stands before it.
  if (method === 'prefix') expect(answer.code).toBe(0)
  else expect(answer.out).toBe('你好，多喝水。\n')
})

test('preamble models pulls a model that chats and is tuned, adds a directory, lists and removes', async () => {
  const pulled = await preamble(['models', 'pull', 'someone/tiny-chat'])
  expect(pulled.err).toBe('')
  expect(pulled.out).toMatch(/ of [\d.]+ MB.*\n.*someone\/tiny-chat is ready: preamble tune/s)
  const ask = ['--message', '你好', '--temperature', '0']
  expect((await preamble(['chat', 'someone/tiny-chat', ...ask])).out).toBe('你好，多喝水。\n')

  const quick = [
    '--steps',
    '1',
    '--virtual-tokens',
    '2',
    '--max-input-length',
    '40',
    '--max-output-length',
    '40',
  ]
  const tuned = await preamble(['tune', corpus, '--base', 'someone/tiny-chat', ...quick])
  const model = /preamble chat (ft:someone\/tiny-chat::\w+)/.exec(tuned.out)![1]!
  expect((await preamble(['chat', model, ...ask, '--max-tokens', '2'])).code).toBe(0)
  const one = await fetch(`${server.url}/v1/models/${encodeURIComponent(model)}`)
  expect((await one.json()).id).toBe(model)

  const added = await preamble(['models', 'add', join(root, 'models', 'tiny'), '--name', 'mine'])
  expect(added.out).toMatch(/^mine is ready \([\d.]+ MB\)/)
  expect((await preamble(['models', 'list'])).out.split('\n')).toEqual([
    expect.stringMatching(/^tiny {2}ready {2}shipped$/),
    expect.stringMatching(/^mine {2}ready {2}[\d.]+ MB$/),
    expect.stringMatching(/^someone\/tiny-chat {2}ready {2}[\d.]+ MB$/),
    '',
  ])
  expect(await preamble(['models', 'rm', 'mine'])).toMatchObject({ code: 0, err: '' })
  const refused = await preamble(['models', 'rm', 'someone/tiny-chat'])
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringContaining('1 tuned models; delete them first'),
  ])
  expect((await preamble(['models', 'rm', 'someone/tiny-chat', '--force'])).code).toBe(0)
  expect((await preamble(['models', 'pull', 'someone/nothing'])).err).toContain(
    'has no model someone/nothing',
  )
})

describe('preamble chat', () => {
  test('answers one message', async () => {
    const { out, code } = await preamble(['chat', 'tiny', '--message', '你好', '--temperature', '0'])
    expect([out, code]).toEqual(['你好，多喝水。\n', 0])
  })

  test('answers line by line what comes from a pipe', async () => {
    const { out, code } = await preamble(['chat', 'tiny', '--temperature', '0'], { input: '你好\n\n' })
    expect([out, code]).toEqual(['你好，多喝水。\n', 0])
  })
})

describe('what goes wrong is one line that says what to do', () => {
  test.each([
    [['chat', 'gpt-4', '--message', 'hi'], 1, 'there is no model "gpt-4"'],
    [['tune'], 1, 'nothing to train on; name a corpus file'],
    [['tune', root], 1, `${root} is a directory; name a corpus file, or give a --config`],
    [['tune', corpus, '--method', 'ia3'], 2, '--method ia3 is not known; known: prefix, lora, full'],
    [
      ['tune', corpus, '--method', 'lora', '--virtual-tokens', '8'],
      2,
      '--virtual-tokens is no option of --method lora',
    ],
    [['tune', corpus, '--config', 'c.yaml', '--rank', '8'], 1, 'cannot read c.yaml: no such file'],
    [['tune', 'missing.txt'], 1, 'cannot read missing.txt: no such file'],
    [['tune', corpus, '--base', 'gpt-4'], 1, 'there is no base model "gpt-4" to tune; there are: tiny'],
    [['tune', corpus, '--base', 'tiny', '--virtual-tokens', '0'], 1, 'peft.num_virtual_tokens: '],
    [
      ['tune', corpus, '--learning-rat', '1'],
      2,
      "Unknown option '--learning-rat'; see `preamble tune --help`",
    ],
    [['convert', corpus], 2, '--out is missing; see `preamble convert --help`'],
    [['tuen'], 2, 'unknown command "tuen"; see `preamble --help`'],
    [['adapters', 'improt', 'x'], 2, 'unknown command "adapters improt"; see `preamble --help`'],
    [['adapters', 'import', 'missing.zip'], 1, 'cannot read missing.zip: no such file'],
    [
      ['adapters', 'import', join(root, 'models')],
      1,
      `${join(root, 'models')} has none of adapter_config.json`,
    ],
    [['adapters', 'import', corpus], 1, 'the zip cannot be used: '],
    [['adapters', 'export', 'adapter_none'], 1, 'there is no adapter adapter_none'],
  ])('preamble %j', async (words, code, message) => {
    const result = await preamble(words)
    expect(result).toMatchObject({ code, out: '' })
    expect(result.err).toContain(`preamble: ${message}`)
    expect(result.err.trimEnd().split('\n')).toHaveLength(1)
  })

  test('no server', async () => {
    const { err, code } = await preamble(['models'], { url: 'http://127.0.0.1:9' })
    expect(code).toBe(1)
    expect(err).toMatch(/^preamble: .*127\.0\.0\.1:9.*\n$/)
  })

  test('help is no error', async () => {
    expect(await preamble(['--help'])).toMatchObject({ code: 0, err: '' })
    expect((await preamble(['tune', '--help'])).out).toContain('--prefix-projection')
  })
})

// The last test: from here on the server wants keys.
test('preamble keys and projects let in who should, and tell others what is missing', async () => {
  const made = await preamble(['keys', 'create', 'operator', '--scopes', 'read,write,serve,admin'])
  expect(made).toMatchObject({ code: 0, err: expect.stringContaining('the only time that the key is shown') })
  const key = made.out.trim()
  expect(await preamble(['models'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('PREAMBLE_API_KEY'),
  })
  expect(await preamble(['models'], { key })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^tiny$/m),
  })

  const project = (await preamble(['projects', 'create', 'ward'], { key })).out.trim()
  expect((await preamble(['projects', 'list'], { key })).out).toContain(`${project}  active  ward`)
  const inside = await preamble(['keys', 'create', 'app', '--project', 'ward', '--scopes', 'read'], { key })
  const id = /key_\w+/.exec(inside.err)![0]
  expect((await preamble(['adapters', 'list'], { key })).out).not.toBe('')
  expect(await preamble(['adapters', 'list'], { key: inside.out.trim() })).toMatchObject({ code: 0, out: '' })
  expect((await preamble(['keys', 'list', '--project', project], { key })).out).toMatch(
    new RegExp(`^${id}  ${inside.out.slice(0, 16)}…  read  used [\\d-]+  app$`, 'm'),
  )
  expect((await preamble(['keys', 'revoke', id, '--project', 'ward'], { key })).out).toBe(
    `${id} is revoked\n`,
  )
  expect((await preamble(['models'], { key: inside.out.trim() })).code).toBe(1)
  expect((await preamble(['keys', 'list', '--project', 'nowhere'], { key })).err).toContain(
    'no project nowhere',
  )
})
