import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { binReference } from '../../test/reference/load.ts'
import { readBytes, readHeader, readTensor } from './safetensors.ts'
import { readTorchHeader } from './torch-file.ts'

const { directory } = binReference
const hostile = join(directory, 'hostile')

test.each(['types', 'shared', 'module', 'many'])(
  '%s.bin of torch.save holds the tensors that safetensors holds, byte by byte',
  (name) => {
    const found = readTorchHeader(join(directory, `${name}.bin`))
    const wanted = readHeader(join(directory, `${name}.safetensors`))
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
    for (const [key, { dtype, shape, length, ...entry }] of wanted) {
      expect(found.get(key)).toMatchObject({ name: key, dtype, shape, length })
      expect(readBytes(found.get(key)!)).toEqual(readBytes({ dtype, shape, length, ...entry }))
    }
  },
)

test('tied tensors and views lie in one place', () => {
  const shared = readTorchHeader(join(directory, 'shared.bin'))
  const { offset, file } = shared.get('whole')!
  expect(shared.get('tied')!.offset).toBe(offset)
  expect(shared.get('rows')).toMatchObject({ file, shape: [3, 4], offset: offset + 2 * 4 * 4 })
  expect(readTensor(shared.get('one')!)).toEqual(Float32Array.of(6))
})

/** Each file of the directory, and what it is refused with. */
const refusals: Record<string, RegExp> = {
  'os-system': /its pickle wants posix\.system, which no table of tensors needs/,
  eval: /wants __builtin__\.eval/,
  getattr: /wants __builtin__\.getattr/,
  'load-from-bytes': /wants torch\.storage\._load_from_bytes/,
  'object-state': /wants __main__\.State/,
  'call-a-dict': /calls something, which is no function/,
  'call-a-storage-type': /calls torch\.FloatStorage, which is no function/,
  'filled-ordered-dict': /makes an OrderedDict out of something/,
  attributes: /sets the attributes __class__/,
  inst: /uses the opcode 0x69 INST, which makes an object at byte \d+/,
  obj: /wants os\.system/,
  newobj: /uses the opcode 0x81 NEWOBJ/,
  ext1: /uses the opcode 0x82 EXT1 at byte 2/,
  'protocol-4': /is of protocol 4; torch\.save writes protocol 2/,
  'unknown-opcode': /uses the opcode 0xff at byte 2/,
  'memo-never-set': /recalls memo 5, which it never set/,
  'memo-of-itself': /it holds no table of tensors/,
  'deep-marks': /stacks more than 16384 values/,
  'deep-lists': /stacks more than 16384 values/,
  'deep-tuples': /it holds no table of tensors/,
  'empty-stack': /uses the opcode 0x30/,
  'pop-nothing': /takes a value from an empty stack/,
  'no-mark': /takes values to a mark that it never set/,
  'no-stop': /ends at byte 3, in an opcode/,
  'cut-text': /ends at byte \d+, in an opcode/,
  'bad-utf8': /has a text at byte 7 that is not UTF-8/,
  'giant-number': /has the number .*, beyond 2\^53/,
  'left-over': /ends with values left over/,
  'after-the-end': /ends at byte 4, but its file has 15/,
  twice: /has the key "x" twice/,
  'key-is-a-list': /has a key that is neither text nor number/,
  'odd-pairs': /gives a key without a value/,
  'no-table': /it holds no table of tensors/,
  'no-tensor': /"x" is no tensor/,
  'number-for-a-name': /it has the key 1, which is no name/,
  'missing-storage': /its storage 0 is missing/,
  'short-storage': /its storage 0 of 4 F32 should have 16 bytes, it has 12/,
  transposed: /sizes \[2,2\] and strides \[1,2\], whose values do not lie in order/,
  'overlapping-rows': /strides \[1,1\], whose values do not lie in order/,
  expanded: /sizes \[1000,2\] and strides \[0,1\], whose values do not lie in order/,
  'beyond-the-storage': /from element 1 of a storage of 4 elements/,
  'negative-offset': /out of something that is no storage with sizes/,
  'negative-size': /out of something that is no storage with sizes/,
  'giant-size': /from element 0 of a storage of 4 elements/,
  'other-rank': /sizes \[2,2\] and strides \[1\]/,
  'storage-elsewhere': /its storage \.\.\/data\.pkl is missing/,
  'unknown-storage': /wants torch\.QInt8Storage/,
  'no-storage': /refers to something that is no storage/,
  'big-endian': /its byte order is "big", not "little"/,
  compressed: /its entry "archive\/data\.pkl" is compressed, not stored/,
  'two-roots': /its entry "\.\.\/other\/x" lies outside of its directory "archive"/,
  'no-pickle': /it has no data\.pkl/,
  'two-pickles': /it has two entries "archive\/data\.pkl"/,
  cut: /no end record of a zip file; it is cut off/,
  'not-a-zip': /no end record of a zip file/,
  empty: /no end record of a zip file/,
  'directory-beyond-the-file': /its directory should end at byte \d+, the file ends at \d+/,
  'giant-directory': /its directory claims 2147483648 bytes, more than the limit of 16777216/,
  'directory-of-noise': /byte 0 of its directory does not start an entry/,
  'two-ends': /its two end records disagree/,
  'wide-end-of-noise': /byte 2 is no 64-bit end record/,
  'wide-end-beyond-the-file': /it claims a size of \d+ bytes/,
  'giant-wide-offset': /it claims a size of \d+ bytes/,
  encrypted: /is encrypted/,
  'header-elsewhere': /has no header at byte 5/,
  'length-beyond-the-file': /ends at byte \d+, behind the directory at \d+/,
  'overlapping-entries': /overlaps "archive\/data\.pkl"/,
  legacy: /of the format before PyTorch 1\.6/,
}

test('every hostile file has its test', () => {
  expect(readdirSync(hostile).sort()).toEqual(
    Object.keys(refusals)
      .map((name) => `${name}.bin`)
      .sort(),
  )
})

test.each(Object.entries(refusals))(
  '%s is refused with its file, its fault and what to do',
  (name, fault) => {
    const file = join(hostile, `${name}.bin`)
    const read = () => readTorchHeader(file)
    expect(read).toThrow(fault)
    expect(read).toThrow(`${file} cannot be read as PyTorch's tensors: `)
    expect(read).toThrow(/; where you trust it, convert it to safetensors$/)
  },
)
