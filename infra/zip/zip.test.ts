import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ApiError } from '../../contract/errors.ts'
import { type Crafted, craftZip } from './craft.case.ts'
import { unzip } from './unzip.ts'
import { zip } from './zip.ts'

const root = mkdtempSync(join(tmpdir(), 'preamble-zip-'))
afterAll(() => rmSync(root, { recursive: true }))
const limits = { names: ['a.json', 'b.bin'], ignored: ['README.md'], maxBytes: 1000 }
let count = 0

/** Unpacks these bytes into a new directory and answers it. */
async function unpack(bytes: Uint8Array): Promise<string> {
  const directory = join(root, `${count++}`, 'into')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '..', 'x.zip'), bytes)
  await unzip(join(directory, '..', 'x.zip'), directory, limits)
  return directory
}
const file = (name: string, more: Partial<Crafted> = {}): Crafted => ({ name, data: 'data', ...more })

test('what was zipped comes back, from bytes and from a stream', async () => {
  const stream = new Blob(['from a ', 'stream']).stream()
  const zipped = zip(
    [
      { name: 'a.json', content: Buffer.from('{}') },
      { name: 'b.bin', content: stream },
    ],
    new Date(0),
  )
  const directory = await unpack(await new Response(zipped).bytes())
  expect(readFileSync(join(directory, 'a.json'), 'utf8')).toBe('{}')
  expect(readFileSync(join(directory, 'b.bin'), 'utf8')).toBe('from a stream')
})

test('a zip whose content breaks off breaks off', async () => {
  const broken = new ReadableStream({
    pull() {
      throw new Error('the store is gone')
    },
  })
  const zipped = zip([{ name: 'a', content: broken }], new Date(0))
  await expect(new Response(zipped).bytes()).rejects.toThrow('the store is gone')
})

test('one directory around all files, and files to be ignored, may be there', async () => {
  const directory = await unpack(
    craftZip([
      file('adapter/', { data: '' }),
      file('adapter/README.md'),
      file('adapter/a.json'),
      file('adapter/b.bin'),
    ]),
  )
  expect(readdirSync(directory).sort()).toEqual(['a.json', 'b.bin'])
})

describe('a zip is refused by name', () => {
  const bomb = Buffer.alloc(1_000_000)
  const whole = craftZip([file('a.json')])
  test.each<[problem: string, bytes: Uint8Array, message: RegExp]>([
    ['that is none', Buffer.from('hello'), /the zip cannot be used: /],
    ['that is cut off', whole.subarray(0, -5), /the zip cannot be used: /],
    [
      'with something before it',
      Buffer.concat([Buffer.from('MZ'), whole]),
      /Ambiguous archive, prepended data/,
    ],
    ['with something behind it', Buffer.concat([whole, whole]), /Ambiguous archive/],
    ['that climbs out of its directory', craftZip([file('../a.json')]), /"\.\.\/a\.json": Unsafe filename/],
    ['that climbs out from within', craftZip([file('x/../../a.json')]), /: Unsafe filename/],
    ['with an absolute path', craftZip([file('/tmp/a.json')]), /: Unsafe filename/],
    ['with a drive', craftZip([file('C:\\a.json')]), /: Unsafe filename/],
    ['with backslashes', craftZip([file('..\\a.json')]), /: Unsafe filename/],
    ['with a path of another kind', craftZip([file('x\\a.json')]), /"x\\a\.json" does not belong there/],
    ['with a NUL in a name', craftZip([file('a.json\0.png')]), /: Unsafe filename/],
    ['with a symbolic link', craftZip([file('a.json', { mode: 0o120777 })]), /"a\.json" is a symbolic link/],
    [
      'with a stranger',
      craftZip([file('a.json'), file('run.sh')]),
      /"run\.sh" does not belong there; expected a\.json, b\.bin/,
    ],
    [
      'with two directories',
      craftZip([file('x/a.json'), file('y/b.bin')]),
      /"x\/a\.json" does not belong there/,
    ],
    ['with a deeper directory', craftZip([file('x/y/a.json')]), /"x\/y\/a\.json" does not belong there/],
    [
      'with one name twice',
      craftZip([file('a.json'), file('a.json')]),
      /Ambiguous archive, duplicate filename/,
    ],
    [
      'with entries that share their data',
      craftZip([file('a.json'), file('b.bin', { sameAs: 0 })]),
      /"b\.bin": Ambiguous archive, mismatched local file header/,
    ],
    [
      'with entries that overlap',
      craftZip([file('a.json', { beyond: 40 }), file('b.bin')]),
      /"a\.json": (Invalid CRC32|Overlapping entry)/,
    ],
    [
      'with another name before the data',
      craftZip([file('a.json', { localName: 'b.bin' })]),
      /"a\.json": Ambiguous archive, mismatched local file header \(filename\)/,
    ],
    ['with a wrong checksum', craftZip([file('a.json', { crc: 1 })]), /"a\.json": Invalid CRC32/],
    ['that is encrypted', craftZip([file('a.json', { flags: 0x801 })]), /"a\.json" is encrypted/],
    ['that says it is too large', craftZip([file('a.json', { data: bomb })]), /more than the 1000 bytes/],
    [
      'that is too large and says it is not',
      craftZip([file('a.json', { data: bomb, uncompressedSize: 10 })]),
      /"a\.json": Invalid uncompressed size/,
    ],
    [
      'that is too large altogether',
      craftZip([
        file('a.json', { data: bomb.subarray(0, 600) }),
        file('b.bin', { data: bomb.subarray(0, 600) }),
      ]),
      /more than the 1000 bytes/,
    ],
    [
      'with too many entries',
      craftZip(Array.from({ length: 101 }, (_, i) => file(`${i}`))),
      /it has 101 entries, more than the limit of 100/,
    ],
  ])('%s', async (_, bytes, message) => {
    const refused = unpack(bytes)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toBeInstanceOf(ApiError)
    // Nothing lies outside of the directory that was given.
    expect(readdirSync(join(root, `${count - 1}`)).sort()).toEqual(['into', 'x.zip'])
  })

  test('and a bomb is stopped after the limit, not after its end', async () => {
    const bytes = craftZip([file('b.bin', { data: Buffer.alloc(50_000_000), uncompressedSize: 10 })])
    await expect(unpack(bytes)).rejects.toThrow()
    const [left] = readdirSync(join(root, `${count - 1}`, 'into'))
    expect(readFileSync(join(root, `${count - 1}`, 'into', left!)).length).toBeLessThanOrEqual(
      limits.maxBytes,
    )
  })
})
