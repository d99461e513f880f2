/** Tensors as a file that `torch.load` reads, `weights_only` too: the zip and the pickle that `torch.save` writes. */
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js'
import type { FloatDtype } from './dtype.ts'
import type { StoredTensor } from './safetensors.ts'

const storageNames: Record<FloatDtype, string> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
}

type FloatTensor = StoredTensor & { dtype: FloatDtype }

/** A `state_dict` with these tensors. The same tensors give the same bytes. */
export async function encodeTorch(
  tensors: readonly (readonly [string, FloatTensor])[],
): Promise<Uint8Array<ArrayBuffer>> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), {
    level: 0, // torch maps storages where they lie
    dataDescriptor: false,
    extendedTimestamp: false,
    lastModDate: new Date(1980, 0, 1), // the format's zero
    useWebWorkers: false,
  })
  const add = (name: string, bytes: Uint8Array) => zip.add(`archive/${name}`, new Uint8ArrayReader(bytes))
  await add('data.pkl', pickleOf(tensors))
  await add('byteorder', utf8.encode('little'))
  for (const [key, [, { bytes }]] of tensors.entries()) await add(`data/${key}`, bytes)
  await add('version', utf8.encode('3\n'))
  return zip.close()
}

const utf8 = new TextEncoder()

/** The table of tensors, each of a storage of its own, in opcodes of Python's protocol 2. */
function pickleOf(tensors: readonly (readonly [string, FloatTensor])[]): Uint8Array {
  const table = tensors.flatMap(([name, tensor], key) => [text(name), tensorOf(tensor, `${key}`)])
  return Buffer.concat([bytes(0x80, 2), op('}('), ...table, op('u.')])
}

function tensorOf({ dtype, shape }: FloatTensor, key: string): Uint8Array {
  const count = shape.reduce((n, d) => n * d, 1)
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1))
  return Buffer.concat([
    op('ctorch._utils\n_rebuild_tensor_v2\n('),
    ...[op('('), text('storage'), op(`ctorch\n${storageNames[dtype]}\n`), text(key), text('cpu')],
    ...[number(count), op('tQ')],
    number(0), // its first element
    ...[op('('), ...shape.map(number), op('t')],
    ...[op('('), ...strides.map(number), op('t')],
    bytes(0x89), // needs no gradient
    op('ccollections\nOrderedDict\n)R'), // and has no hooks
    op('tR'),
  ])
}

const bytes = (...values: number[]) => Uint8Array.from(values)
const op = (letters: string) => utf8.encode(letters)

function text(value: string): Uint8Array {
  const encoded = utf8.encode(value)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, encoded.length, true)
  return Buffer.concat([op('X'), length, encoded])
}

/** A whole number of 8 bytes, whatever its size. */
function number(value: number): Uint8Array {
  const long = new Uint8Array(8)
  new DataView(long.buffer).setBigInt64(0, BigInt(value), true)
  return Buffer.concat([bytes(0x8a, 8), long])
}
