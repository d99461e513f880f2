/** Against a real server that speaks S3: `.ci/run` starts one and names it in TEST_STORAGE_URL. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { temporary } from '../../../engine/tiny.case.ts'
import { openStore } from '../open.ts'
import { storeCases } from '../store.case.ts'
import { ObjectNotFound } from '../store.ts'
import { openBucket } from './bucket.ts'
import { type Flaky, flakyLine } from './flaky.case.ts'
import { s3Store } from './store.ts'

const MiB = 2 ** 20
const server = process.env.TEST_STORAGE_URL
const why = server ? '' : ' (skipped: no TEST_STORAGE_URL)'

describe.skipIf(!server)(`a bucket${why}`, () => {
  const home = temporary()
  let line: Flaky
  beforeAll(async () => {
    line = await flakyLine(new URL(server!).searchParams.get('endpoint')!)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    line.decide(() => 'well')
  })
  afterAll(() => {
    line.close()
    home.remove()
  })

  /** A prefix of its own in the bucket, over the line. */
  function newBucket(change: (url: URL) => void = () => {}) {
    const url = new URL(server!)
    url.pathname = `/${crypto.randomUUID()}`
    url.searchParams.set('endpoint', line.url)
    change(url)
    return openBucket(url)
  }
  const newStore = async () => s3Store(newBucket(), join(home.root, crypto.randomUUID()))
  /** Bytes that tell where they are, in chunks that fit no part. */
  function* counted(bytes: number) {
    const chunk = Uint8Array.from({ length: 1_000_003 }, (_, i) => i % 251)
    for (let at = 0; at < bytes; at += chunk.length) yield chunk.subarray(0, bytes - at)
  }

  storeCases(newStore)

  for (const bytes of [0, 16 * MiB - 1, 16 * MiB, 40 * MiB + 7]) {
    test(`an object of ${bytes} bytes is read as it was written`, async () => {
      const store = await newStore()
      const content = Buffer.concat([...counted(bytes)])
      expect(await store.put('a', Readable.from(counted(bytes)))).toEqual({ bytes })
      expect(content.equals(await store.bytes('a'))).toBe(true)
    })
  }

  test('a long upload that breaks off leaves neither an object nor parts', async () => {
    const bucket = newBucket()
    const store = s3Store(bucket, home.root)
    async function* broken() {
      yield* counted(33 * MiB)
      throw new Error('connection lost')
    }
    await expect(store.put('a', broken())).rejects.toThrow('connection lost')
    expect(await store.exists('a')).toBe(false)
    const { client, name: Bucket, prefix: Prefix } = bucket
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }))).Uploads ?? []).toEqual([])
  })

  for (const fate of ['busy', 'reset', 'lost'] as const) {
    test(`every second request may be ${fate}`, async () => {
      const store = await newStore()
      const content = Buffer.concat([...counted(40 * MiB)])
      let requests = 0
      line.decide(() => (requests++ % 2 === 0 ? fate : 'well'))
      await store.put('a/long', Readable.from(counted(40 * MiB)))
      await store.putBytes('a/short', new Uint8Array([1]))
      expect(await store.list('a')).toEqual(['long', 'short'])
      expect(content.equals(await store.bytes('a/long'))).toBe(true)
      await store.delete('a')
      expect(await store.exists('a/short')).toBe(false)
    })
  }

  test('an upload whose last answer got lost is an upload', async () => {
    const store = await newStore()
    let completed = 0
    line.decide(({ method, url }) => {
      const completes = method === 'POST' && url.includes('uploadId=')
      return completes && completed++ === 0 ? 'lost' : 'well'
    })
    expect(await store.put('a', Readable.from(counted(20 * MiB)))).toEqual({ bytes: 20 * MiB })
    expect(completed).toBe(2)
    expect(Buffer.concat([...counted(20 * MiB)]).equals(await store.bytes('a'))).toBe(true)
  })

  test('an object is read on from where the connection broke', async () => {
    const store = await newStore()
    const content = Buffer.concat([...counted(3 * MiB)])
    await store.putBytes('a', content)
    const ranges: (string | undefined)[] = []
    line.decide(({ range }) => (ranges.push(range) <= 2 ? 'cut' : 'well'))
    expect(content.equals(await store.bytes('a'))).toBe(true)
    expect(ranges).toEqual([undefined, `bytes=${1.5 * MiB}-`, `bytes=${2.25 * MiB}-`])
  })

  test('one that was replaced meanwhile is not read on', async () => {
    const store = await newStore()
    await store.putBytes('a', Buffer.alloc(3 * MiB, 'a'))
    line.decide(() => 'cut')
    const reader = (await store.get('a')).getReader()
    await reader.read()
    line.decide(() => 'well')
    await store.putBytes('a', Buffer.alloc(3 * MiB, 'b'))
    const rest = async () => {
      while (!(await reader.read()).done);
    }
    await expect(rest()).rejects.toThrow(/pre-?conditions?/i)
  })

  for (const [parts, bytes] of Object.entries({ one: 1 * MiB, three: 40 * MiB })) {
    test(`a bit that turned on the way is an error, in an object of ${parts} part(s)`, async () => {
      const store = await newStore()
      await store.put('a', Readable.from(counted(bytes)))
      line.decide(() => 'flip')
      await expect(store.bytes('a')).rejects.toThrow(/checksum/i)
    })
  }

  test('and so is one in the part that was read on', async () => {
    const store = await newStore()
    await store.put('a', Readable.from(counted(MiB)))
    line.decide(({ range }) => (range ? 'flip' : 'cut'))
    await expect(store.bytes('a')).rejects.toThrow('did not arrive as it was written')
  })

  test('more objects than one request lists or deletes', async () => {
    const store = await newStore()
    const names = Array.from({ length: 1003 }, (_, i) => `n${String(i).padStart(4, '0')}`)
    for (let from = 0; from < names.length; from += 50) {
      const some = names.slice(from, from + 50)
      await Promise.all(some.map((name) => store.putBytes(`many/${name}`, new Uint8Array(1))))
    }
    expect(await store.list('many')).toEqual(names)
    await store.delete('many')
    expect(await store.list('many')).toEqual([])
  })

  test('a directory is downloaded once, by many at a time too, and anew when it changed', async () => {
    const cache = join(home.root, 'copies')
    const bucket = newBucket()
    const store = s3Store(bucket, cache)
    for (const name of ['config.json', 'weights']) await store.putBytes(`m/${name}`, Buffer.from(name))
    let downloads = 0
    line.decide(({ method, url }) => {
      if (method === 'GET' && !url.includes('list-type')) downloads++
      return 'well'
    })
    const places = await Promise.all([store, store].map((each) => each.directory('m')))
    expect(new Set(places).size).toBe(1)
    expect(await s3Store(bucket, cache).directory('m')).toBe(places[0])
    expect(downloads).toBe(2)
    await store.putBytes('m/weights', Buffer.from('others'))
    expect(await store.directory('m')).not.toBe(places[0])
    expect(downloads).toBe(4)
    expect(await readdir(await store.directory('m', { names: ['weights'] }))).toEqual(['weights'])
    expect(downloads).toBe(5)
    await store.delete('m')
    await expect(store.directory('m')).rejects.toThrow(new ObjectNotFound('m'))
    expect(await readdir(cache)).toEqual([])
  })

  test('two processes may download the same directory at the same time', async () => {
    const cache = join(home.root, 'shared')
    const bucket = newBucket()
    await s3Store(bucket, cache).putBytes('m/weights', Buffer.alloc(MiB, 'w'))
    const places = await Promise.all([1, 2, 3, 4].map(() => s3Store(bucket, cache).directory('m')))
    expect(new Set(places).size).toBe(1)
    expect(await readdir(places[0]!)).toEqual(['weights'])
    expect(await readdir(cache)).toEqual(['m'])
  })

  test('a download that broke off leaves no directory', async () => {
    const cache = join(home.root, 'broken')
    const store = s3Store(newBucket(), cache)
    await store.putBytes('m/weights', Buffer.alloc(MiB))
    line.decide(({ url }) => (url.includes('list-type') ? 'well' : 'flip'))
    await expect(store.directory('m')).rejects.toThrow(/checksum/i)
    expect(await readdir(cache)).toEqual([])
  })

  test('a server starts only with a bucket and keys that are right, and says which are not', async () => {
    const storageUrl = server!
    const open = (url: string) => openStore({ storageUrl: url, home: join(home.root, 'open') })
    await (await open(storageUrl)).check()
    await expect(open(storageUrl.replace(/s3:\/\/[^/?]+/, 's3://nowhere'))).rejects.toThrow(
      /^storage: there is no bucket "nowhere" at 127\.0\.0\.1:\d+; create it, or correct STORAGE_URL$/,
    )
    await expect(open(`${storageUrl}&region=mars`)).rejects.toThrow(
      /^storage: the server at \S+ is in another region; give it as \?region=… in STORAGE_URL$/,
    )
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'not-the-secret')
    await expect(open(storageUrl)).rejects.toThrow(/^storage: AWS_SECRET_ACCESS_KEY is not the secret/)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody')
    await expect(open(storageUrl)).rejects.toThrow(/^storage: .*(access key ID|AWS_ACCESS_KEY_ID)/)
  })
})

test('a STORAGE_URL that cannot be read is not repeated: it may hold a key', () => {
  for (const url of [
    's3:///prefix',
    's3://b/../../x%20',
    's3://b?path_style=yes',
    's3://b?endpiont=http://h',
  ]) {
    expect(() => openBucket(new URL(url))).toThrow(/^STORAGE_URL: its value is not valid; expected s3:/)
  }
  expect(() => openBucket(new URL('s3://key:hunter2@bucket'))).toThrow(
    /^STORAGE_URL: keys go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into the URL$/,
  )
})
