import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Adapter } from '../../contract/adapter.ts'
import { isId } from '../../contract/ids.ts'
import { openEngine } from '../../engine/index.ts'
import { args, runOf, talk, temporary, writeBase, writeFiles } from '../../engine/tiny.case.ts'
import { decodeSafetensors, encodeSafetensors } from '../../engine/weights/safetensors.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels } from '../../infra/base-models.ts'
import { adapters } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { listen } from '../../infra/http/serve.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { craftZip } from '../../infra/zip/craft.case.ts'
import { unzip } from '../../infra/zip/unzip.ts'
import { binReference } from '../../test/reference/load.ts'
import { createApp } from './app.ts'

const { root, remove } = temporary()
const { db, close: closeDatabase } = await testDatabase()
const store = diskStore(join(root, 'objects'))
const engine = openEngine()
const scratch = join(root, 'scratch')
const maxFileBytes = 2 ** 20
const deps = {
  ...{ db, store, engine, scratch, maxFileBytes, requestTimeout: 60_000 },
  log: createLog({ name: 'test', level: 'silent' }),
  version: '0',
  bases: baseModels(join(root, 'models'), { db, store }),
}
const app = createApp(deps)

type Files = Record<string, Uint8Array>
/** What a training on the tiny Llama gave, by method. */
let prefix: Files
let lora: Files
/** A prefix of ChatGLM's scripts, for a base model of which only the config is here. */
const chatglm: Files = {}
const chatglmBase = {
  model_type: 'chatglm',
  num_layers: 3,
  hidden_size: 24,
  ffn_hidden_size: 40,
  num_attention_heads: 4,
  kv_channels: 8,
  multi_query_attention: true,
  multi_query_group_num: 2,
  padded_vocab_size: 64,
}

beforeAll(async () => {
  await mkdir(join(root, 'models', 'glm'), { recursive: true })
  await writeFile(join(root, 'models', 'glm', 'config.json'), JSON.stringify(chatglmBase))
  const base = writeBase(join(root, 'models', 'tiny'))
  const train = async (method: Parameters<typeof runOf>[0]['method']) => {
    const run = { base, baseName: 'tiny', train: [talk('你好', '一二三')], dev: [], method }
    return (await runOf({ ...run, args: { ...args, max_steps: 2 } })).end.files
  }
  prefix = await train({ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, prefix_projection: false })
  const targeting = { r: 2, lora_alpha: 64, use_rslora: false, rank_pattern: {}, alpha_pattern: {} }
  lora = await train({
    peft_type: 'LORA',
    ...targeting,
    lora_dropout: 0,
    target_modules: ['q_proj', 'v_proj'],
  })
  for (const name of ['pytorch_model.bin', 'config.json'])
    chatglm[name] = await readFile(join(binReference.directory, 'chatglm', name))
})
beforeEach(async () => {
  for (const { objectKey } of await db.delete(adapters).returning()) await store.delete(objectKey)
})
afterAll(async () => {
  await engine.close()
  await closeDatabase()
  remove()
})

/** Posts files as parts `file`, with these fields. */
function post(files: Files | [string, Uint8Array][], fields: Record<string, string> = {}) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  for (const [name, bytes] of Array.isArray(files) ? files : Object.entries(files))
    form.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>]), name)
  return app.request('/v1/adapters/import', { method: 'POST', body: form })
}
async function imported(...request: Parameters<typeof post>): Promise<Adapter> {
  const response = await post(...request)
  expect([response.status, response.status === 201 ? '' : await response.text()]).toEqual([201, ''])
  return response.json()
}
const zipOf = async (path: string): Promise<Uint8Array> => {
  const response = await app.request(path)
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip'])
  return response.bytes()
}
/** The files in a zip that this server gave. */
async function filesOf(zip: Uint8Array): Promise<Files> {
  const directory = await mkdtemp(join(root, 'unzipped-'))
  await writeFile(`${directory}.zip`, zip)
  const known = [
    'adapter_config.json',
    'adapter_model.safetensors',
    'pytorch_model.bin',
    'config.json',
    'README.md',
  ]
  const names = await unzip(`${directory}.zip`, directory, { names: known, maxBytes: maxFileBytes })
  const read = names.map(async (name) => [name, await readFile(join(directory, name))] as const)
  return Object.fromEntries(await Promise.all(read))
}
const errorOf = async (response: Response | Promise<Response>) => {
  const answered = await response
  return { status: answered.status, ...(await answered.json()).error }
}
const edited = (files: Files, change: object): Files => {
  const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json']))
  return {
    ...files,
    'adapter_config.json': new TextEncoder().encode(JSON.stringify({ ...config, ...change })),
  }
}

describe('an imported adapter', () => {
  test.each(['prefix', 'lora'] as const)('is a model that answers as the adapter does: %s', async (kind) => {
    const files = { prefix, lora }[kind]
    const adapter = await imported(files, { base: 'tiny', suffix: 'mine' })
    expect(adapter).toEqual({
      id: expect.stringMatching(/^adapter_/),
      object: 'adapter',
      created_at: expect.any(Number),
      model: expect.stringMatching(/^ft:tiny:mine:\w{12}$/),
      base: 'tiny',
      peft_type: { prefix: 'PREFIX_TUNING', lora: 'LORA' }[kind],
      source: 'import',
      job_id: null,
      bytes: Object.values(files).reduce((sum, { length }) => sum + length, 0),
      ...{ loaded: false, loaded_bytes: 0, pinned: false },
    })

    const said = async (model: string) => {
      const request = { model, messages: [{ role: 'user', content: '你好' }], temperature: 0, max_tokens: 8 }
      const response = await app.request('/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify(request),
        headers: { 'content-type': 'application/json' },
      })
      return (await response.json()).choices[0].message.content
    }
    const events = await Array.fromAsync(
      engine.generate({
        base: join(root, 'models', 'tiny'),
        adapter: writeFiles(join(root, `local-${kind}`), files),
        prompt: [{ role: 'user', content: '你好' }],
        ...{ maxTokens: 8, temperature: 0, topP: 1, topK: 0, stop: [] },
      }),
    )
    const text = events.map((event) => (event.type === 'delta' ? event.text : '')).join('')
    expect(await said(adapter.model)).toBe(text)
    expect(await said('tiny')).not.toBe(text)
  })

  test('comes back from the export as it went in, and the export can be imported', async () => {
    const { id } = await imported(prefix, { base: 'tiny' })
    const zip = await zipOf(`/v1/adapters/${id}/export?format=peft`)
    const { 'README.md': readme, ...files } = await filesOf(zip)
    expect(files).toEqual(Object.fromEntries(Object.entries(prefix).map(([n, b]) => [n, Buffer.from(b)])))
    expect(new TextDecoder().decode(readme)).toContain('base model `tiny`')

    const again = await imported({ 'adapter.zip': zip })
    expect(again).toMatchObject({ base: 'tiny', model: expect.stringMatching(/^ft:tiny::/) })
    const { 'README.md': _, ...same } = await filesOf(await zipOf(`/v1/adapters/${again.model}/export`))
    expect(same).toEqual(files)
  })

  test('is listed, found by its id and by its model, and deleted with its model', async () => {
    const made = []
    for (const suffix of ['a', 'b', 'c']) made.unshift(await imported(prefix, { suffix }))
    const first = await (await app.request('/v1/adapters?limit=2')).json()
    expect(first).toMatchObject({ data: made.slice(0, 2), has_more: true })
    const second = await (await app.request(`/v1/adapters?after=${first.last_id}`)).json()
    expect(second).toMatchObject({ data: made.slice(2), has_more: false })
    const { id, model } = made[0]!
    for (const name of [id, model]) {
      expect(await (await app.request(`/v1/adapters/${encodeURIComponent(name)}`)).json()).toEqual(made[0])
    }
    const deleted = await app.request(`/v1/adapters/${id}`, { method: 'DELETE' })
    expect(await deleted.json()).toEqual({ id, object: 'adapter', deleted: true })
    expect(await errorOf(app.request(`/v1/adapters/${id}`))).toMatchObject({ status: 404, code: 'not_found' })
    expect((await app.request(`/v1/models/${model}`)).status).toBe(404)
    expect(await store.list(`adapters/${id}`)).toEqual([])
  })
})

describe('an adapter in memory', () => {
  const keep = async (id: string, keeping: string): Promise<Adapter> => {
    const response = await app.request(`/v1/adapters/${id}/${keeping}`, { method: 'POST' })
    expect(response.status).toBe(200)
    return response.json()
  }
  const state = async (id: string) => {
    const { loaded, loaded_bytes, pinned } = await (await app.request(`/v1/adapters/${id}`)).json()
    return [loaded, loaded_bytes, pinned]
  }
  // Rows of 2 layers' keys and values, 2 heads of 8 numbers of 4 bytes.
  const loadedBytes = 4 * 2 * 2 * 2 * 8 * 4

  test('is told as loaded, pinned and unpinned', async () => {
    const { id } = await imported(prefix, { base: 'tiny' })
    expect(await state(id)).toEqual([false, 0, false])
    expect(await keep(id, 'load')).toMatchObject({
      id,
      loaded: true,
      loaded_bytes: loadedBytes,
      pinned: false,
    })
    expect(await keep(id, 'pin')).toMatchObject({ loaded: true, pinned: true })
    const { data } = await (await app.request('/v1/adapters')).json()
    expect(data[0]).toMatchObject({ id, loaded: true, pinned: true })
    expect(await keep(id, 'unpin')).toMatchObject({ loaded: true, pinned: false })
  })

  test('is there when a request has needed it, and gone when it is deleted', async () => {
    const { id, model } = await imported(prefix, { base: 'tiny' })
    const body = JSON.stringify({ model, prompt: 'x', max_tokens: 1 })
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    expect((await app.request('/v1/completions', init)).status).toBe(200)
    expect(await state(id)).toEqual([true, loadedBytes, false])
    const directory = await store.directory(`adapters/${id}`)
    await app.request(`/v1/adapters/${id}`, { method: 'DELETE' })
    expect((await engine.adapters.list()).map(({ adapter }) => adapter)).not.toContain(directory)
  })

  test('is not loaded when its file was changed, and no path is told', async () => {
    const { id, model } = await imported(prefix, { base: 'tiny' })
    const other = lora['adapter_model.safetensors']!
    await store.putBytes(`adapters/${id}/adapter_model.safetensors`, other)
    const message = expect.stringMatching(/^[^/]*adapter_model\.safetensors: its SHA-256 is \w{64}/)
    const refused = await errorOf(app.request(`/v1/adapters/${id}/load`, { method: 'POST' }))
    expect(refused).toMatchObject({ status: 400, code: 'invalid_adapter', message })
    const body = JSON.stringify({ model, prompt: 'x' })
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    const asked = await errorOf(app.request('/v1/completions', init))
    expect(asked).toMatchObject({ status: 400, code: 'invalid_adapter', param: 'model' })
    expect(asked.message).not.toContain(root)
  })

  test('is not pinned when those that stay would leave no room', async () => {
    const small = openEngine({ adapterBytes: loadedBytes })
    const app = createApp({ ...deps, engine: small })
    const [one, other] = [await imported(prefix, { base: 'tiny' }), await imported(prefix, { base: 'tiny' })]
    const pin = (id: string) => app.request(`/v1/adapters/${id}/pin`, { method: 'POST' })
    expect((await pin(one.id)).status).toBe(200)
    expect(await errorOf(pin(other.id))).toMatchObject({
      status: 409,
      message: expect.stringContaining('unpin another one'),
    })
    await small.close()
  })
})

describe('where the logits are no numbers', () => {
  const askOf = (model: string) => {
    const body = JSON.stringify({ model, prompt: 'x', max_tokens: 1 })
    const init = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
    return app.request('/v1/completions', init)
  }

  test('an adapter is to blame where it has values of its own', async () => {
    const data = new Float32Array(4 * 64).fill(3e38)
    const wild = encodeSafetensors([['prompt_embeddings', { shape: [4, 64], data }]])
    const { model } = await imported({ ...prefix, 'adapter_model.safetensors': wild }, { base: 'tiny' })
    expect(await errorOf(askOf(model))).toMatchObject({
      ...{ status: 400, code: 'invalid_adapter', param: 'model' },
      message: `"${model}" cannot be used: the logits that it gives are no numbers; train it again with a lower learning_rate, or import other files`,
    })
    expect((await askOf('tiny')).status).toBe(200)
  })

  test('a base is the server’s own', async () => {
    const directory = writeBase(join(root, 'models', 'broken'))
    onTestFinished(() => rm(directory, { recursive: true })) // others are told which bases there are
    const file = join(directory, 'model.safetensors')
    const weights = decodeSafetensors(await readFile(file), file)
    weights.get('model.norm.weight')!.data.fill(Number.NaN)
    await writeFile(file, encodeSafetensors(weights))
    expect(await errorOf(askOf('broken'))).toMatchObject({ status: 500, code: 'server_error' })
  })
})

describe("ChatGLM's files", () => {
  test('become ours, theirs and PEFT’s, and the rows stay the same bytes', async () => {
    const first = await imported(chatglm, { base: 'glm' })
    const theirs = await filesOf(await zipOf(`/v1/adapters/${first.id}/export?format=chatglm`))
    expect(Object.keys(theirs).sort()).toEqual(['README.md', 'config.json', 'pytorch_model.bin'])
    expect(JSON.parse(`${theirs['config.json']}`)).toMatchObject({ ...chatglmBase, pre_seq_len: 5 })

    const peft = await zipOf(`/v1/adapters/${first.id}/export?format=peft`)
    const { 'README.md': _, ...again } = theirs
    for (const second of [await imported({ 'x.zip': peft }), await imported(again, { base: 'glm' })]) {
      const files = await filesOf(await zipOf(`/v1/adapters/${second.id}/export?format=chatglm`))
      expect(files['pytorch_model.bin']).toEqual(theirs['pytorch_model.bin'])
      const ours = await filesOf(await zipOf(`/v1/adapters/${second.id}/export`))
      expect(ours['adapter_model.safetensors']).toEqual((await filesOf(peft))['adapter_model.safetensors'])
    }
    const half = await filesOf(await zipOf(`/v1/adapters/${first.id}/export?format=chatglm&dtype=float16`))
    expect(half['pytorch_model.bin']!.length).toBeLessThan(theirs['pytorch_model.bin']!.length)
  })

  test('cannot hold what is no prefix of a ChatGLM base', async () => {
    const { id } = await imported(prefix)
    expect(await errorOf(app.request(`/v1/adapters/${id}/export?format=chatglm`))).toMatchObject({
      status: 400,
      param: 'format',
      message: expect.stringContaining('this is a prefix of a llama base. Export it as peft'),
    })
  })
})

test('an export that makes no sense says why', async () => {
  const { id } = await imported(prefix)
  expect(await errorOf(app.request(`/v1/adapters/${id}/export?dtype=float16`))).toMatchObject({
    status: 400,
    param: 'dtype',
  })
  expect(await errorOf(app.request(`/v1/adapters/${id}/export?format=gguf`))).toMatchObject({
    param: 'format',
  })
  expect((await app.request('/v1/adapters/adapter_none/export')).status).toBe(404)
})

test('all weights of a base are exported as the Hugging Face directory that they are, and as nothing else', async () => {
  const objectKey = 'adapters/full'
  const content = await readFile(join(root, 'models', 'tiny', 'config.json'))
  await store.putBytes(`${objectKey}/config.json`, content)
  const full = { model: 'ft:tiny::full', base: 'tiny', peftType: 'FULL', objectKey } as const
  await db.insert(adapters).values({ ...full, project: firstProject })
  const whole = await app.request('/v1/adapters/ft:tiny::full/export')
  expect(whole.headers.get('content-disposition')).toContain('-huggingface.zip')
  const [zipFile, out] = [join(root, 'full.zip'), join(root, 'full')]
  await writeFile(zipFile, new Uint8Array(await whole.arrayBuffer()))
  await mkdir(out)
  await unzip(zipFile, out, { names: ['config.json', 'README.md'], maxBytes: 2 ** 20 })
  expect(await readFile(join(out, 'config.json'))).toEqual(content)
  expect(await readFile(join(out, 'README.md'), 'utf8')).toContain('from_pretrained')
  expect(await errorOf(app.request('/v1/adapters/ft:tiny::full/export?format=peft'))).toMatchObject({
    status: 400,
    message:
      'format: ft:tiny::full is no adapter, all its weights were trained; it is exported as huggingface',
  })
})

test('what a job trained is an adapter like any other', async () => {
  const row = {
    model: 'ft:tiny::j1',
    base: 'tiny',
    peftType: 'LORA',
    bytes: 7,
    objectKey: 'adapters/j1',
  } as const
  await db.insert(adapters).values({ ...row, project: firstProject, jobId: 'ftjob-1' })
  const adapter = await (await app.request('/v1/adapters/ft:tiny::j1')).json()
  expect(adapter).toMatchObject({ source: 'job', job_id: 'ftjob-1', peft_type: 'LORA', bytes: 7 })
  expect(isId('adapter', adapter.id)).toBe(true)
})

describe('a refused import leaves no row, no object and no temporary file', () => {
  const unstated = () => edited(prefix, { preamble_position_rule: undefined, num_layers: 3, token_dim: 16 })
  const hostile = (name: string) => readFile(join(binReference.directory, 'hostile', `${name}.bin`))
  const zipped = (files: Files, extra: Parameters<typeof craftZip>[0] = []) =>
    craftZip([...Object.entries(files).map(([name, data]) => ({ name, data })), ...extra])

  type Case = [
    why: string,
    files: () => Files | [string, Uint8Array][] | Promise<Files>,
    fields: Record<string, string>,
    error: object,
  ]
  test.each<Case>([
    ['no file', () => ({}), {}, { status: 400, param: 'file' }],
    ['an unknown field', () => prefix, { bases: 'x' }, { status: 400, param: 'bases' }],
    ['a suffix that is no name', () => prefix, { suffix: 'a b' }, { status: 400, param: 'suffix' }],
    [
      'an unknown base',
      () => prefix,
      { base: 'gpt' },
      { status: 404, param: 'base', message: 'there is no base model "gpt"; there are: glm, tiny' },
    ],
    [
      'a config that names an unknown base',
      () => edited(prefix, { base_model_name_or_path: 'a/b' }),
      {},
      {
        status: 400,
        param: 'base',
        message: 'base: the adapter\'s base is called "a/b"; say which it is: glm, tiny',
      },
    ],
    [
      'a config that names no base',
      () => edited(prefix, { base_model_name_or_path: null }),
      {},
      { param: 'base', message: expect.stringContaining('does not name its base') },
    ],
    [
      'another depth',
      () => edited(prefix, { num_layers: 28 }),
      {},
      {
        status: 400,
        code: 'invalid_file',
        param: 'file',
        message: 'adapter_config.json: num_layers is 28, the base model needs 2',
      },
    ],
    [
      'another base',
      () => prefix,
      { base: 'glm' },
      { message: 'adapter_config.json: num_layers is 2, the base model needs 3' },
    ],
    [
      'a LoRA variant',
      () => edited(lora, { use_dora: true }),
      {},
      { message: expect.stringContaining('use_dora is true; this variant of LoRA is not supported') },
    ],
    [
      'a position rule to be guessed',
      unstated,
      { base: 'glm' },
      { message: expect.stringMatching(/"from_zero".*"after_prefix".*say which/s) },
    ],
    ['a position rule that is none', () => prefix, { position_rule: 'middle' }, { param: 'position_rule' }],
    [
      'a position rule of another base',
      () => prefix,
      { position_rule: 'from_zero' },
      {
        message: expect.stringContaining(
          'preamble_position_rule is "after_prefix", the request says "from_zero"',
        ),
      },
    ],
    [
      'one file twice',
      () => [...Object.entries(prefix), ['adapter_config.json', prefix['adapter_config.json']!]],
      {},
      { message: 'file: adapter_config.json is there twice' },
    ],
    [
      'a stranger among the files',
      () => ({ ...prefix, 'run.sh': Buffer.from('x') }),
      {},
      { message: expect.stringContaining('run.sh is none of adapter_config.json') },
    ],
    [
      'a zip that is none',
      () => ({ 'x.zip': Buffer.from('hello') }),
      {},
      { code: 'invalid_file', message: expect.stringContaining('the zip cannot be used') },
    ],
    [
      'a zip that climbs out',
      () => ({ 'x.zip': zipped(prefix, [{ name: '../../evil', data: 'x' }]) }),
      {},
      { message: 'the zip cannot be used: "../../evil": Unsafe filename' },
    ],
    [
      'a zip bomb',
      () => ({ 'x.zip': zipped(prefix, [{ name: 'adapter_model.bin', data: Buffer.alloc(2 ** 21) }]) }),
      {},
      { status: 413 },
    ],
    [
      'a zip bomb that lies',
      () => ({
        'x.zip': zipped(prefix, [
          { name: 'adapter_model.bin', data: Buffer.alloc(2 ** 21), uncompressedSize: 9 },
        ]),
      }),
      {},
      { status: 400 },
    ],
    [
      'a file that is too large',
      () => ({ 'x.zip': Buffer.alloc(maxFileBytes + 1) }),
      {},
      { status: 413, code: 'file_too_large' },
    ],
    [
      'a pickle that calls os.system',
      async () => ({
        'adapter_config.json': prefix['adapter_config.json']!,
        'adapter_model.bin': await hostile('os-system'),
      }),
      {},
      {
        code: 'invalid_file',
        message: expect.stringMatching(
          /^adapter_model\.bin cannot be read .* its pickle wants posix\.system/,
        ),
      },
    ],
    [
      'a pickle that calls os.system, as ChatGLM’s',
      async () => ({ ...chatglm, 'pytorch_model.bin': await hostile('os-system') }),
      { base: 'glm' },
      {
        code: 'invalid_file',
        message: expect.stringMatching(
          /^pytorch_model\.bin cannot be read as PyTorch's tensors: its pickle wants posix\.system/,
        ),
      },
    ],
    [
      'a damaged safetensors file',
      () => ({ ...prefix, 'adapter_model.safetensors': Buffer.alloc(20, 0x7f) }),
      {},
      {
        message: expect.stringMatching(
          /^adapter_model\.safetensors is not a readable safetensors file: its header claims/,
        ),
      },
    ],
    [
      'tensors of another shape',
      () => ({
        ...prefix,
        'adapter_model.safetensors': encodeSafetensors([
          ['prompt_embeddings', { shape: [4, 2], data: new Float32Array(8) }],
        ]),
      }),
      {},
      { message: expect.stringMatching(/prompt_embeddings is \[4,2\], adapter_config\.json says \[4,64\]/) },
    ],
  ])('%s', async (_, files, fields, error) => {
    expect(await errorOf(post(await files(), fields))).toMatchObject(error)
    expect(await db.select().from(adapters)).toEqual([])
    expect(await readdir(join(root, 'objects', 'adapters')).catch(() => [])).toEqual([])
    expect(await readdir(scratch)).toEqual([])
  })

  test('an upload that breaks off', async () => {
    const server = await listen(app, { host: '127.0.0.1', port: 0 })
    const body = new ReadableStream({
      start(controller) {
        const part = 'content-disposition: form-data; name="file"; filename="adapter_config.json"'
        controller.enqueue(new TextEncoder().encode(`--x\r\n${part}\r\n\r\n{"peft`))
        setTimeout(() => controller.error(new Error('gone')), 50)
      },
    })
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const init = { method: 'POST', body, headers, duplex: 'half' }
    await expect(fetch(`${server.url}/v1/adapters/import`, init as RequestInit)).rejects.toThrow()
    await server.close()
    await expect.poll(() => readdir(scratch)).toEqual([])
    expect(await db.select().from(adapters)).toEqual([])
  })

  test('a store that fails', async () => {
    const full = { ...store, put: () => Promise.reject(new Error('disk full')) }
    const broken = createApp({ ...deps, store: full })
    const form = new FormData()
    for (const [name, bytes] of Object.entries(prefix))
      form.append('file', new Blob([Buffer.from(bytes)]), name)
    const response = await broken.request('/v1/adapters/import', { method: 'POST', body: form })
    expect(response.status).toBe(500)
    expect(await db.select().from(adapters)).toEqual([])
    expect(await readdir(scratch)).toEqual([])
  })
})
