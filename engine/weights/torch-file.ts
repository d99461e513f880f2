/**
 * PyTorch's own files (`pytorch_model.bin`, `.pt`): a zip with a pickle `data.pkl` that describes tensors, and their
 * bytes, stored, in `data/KEY`. Nothing of a file is executed, and the tensors can be used where they lie.
 * Source: torch/serialization.py and torch/_utils.py.
 */
import { byteLength, type Dtype } from './dtype.ts'
import { Dict, Global, Tuple, unpickle, type Value } from './pickle.ts'
import { type Read, withFile } from './read-file.ts'
import type { TensorEntry } from './safetensors.ts'
import { readZipDirectory, type StoredEntry } from './zip-directory.ts'

/** Classes of storages in `torch`, by the type of their elements. */
const storageTypes: [string, Dtype][] = [
  ['DoubleStorage', 'F64'],
  ['FloatStorage', 'F32'],
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['LongStorage', 'I64'],
  ['IntStorage', 'I32'],
  ['ShortStorage', 'I16'],
  ['CharStorage', 'I8'],
  ['ByteStorage', 'U8'],
  ['BoolStorage', 'BOOL'],
]

const maxPickle = 4 * 2 ** 20 // bytes: a tensor takes about 200

class Storage {
  readonly dtype: Dtype
  readonly count: number
  readonly entry: StoredEntry
  constructor(dtype: Dtype, count: number, entry: StoredEntry) {
    this.dtype = dtype
    this.count = count
    this.entry = entry
  }
}

class StorageType extends Global {
  readonly dtype: Dtype
  constructor(name: string, dtype: Dtype) {
    super(name)
    this.dtype = dtype
  }
}

class StoredTensor {
  readonly place: Omit<TensorEntry, 'name' | 'file'>
  constructor(place: StoredTensor['place']) {
    this.place = place
  }
}

type Fail = (problem: string) => never

/**
 * The tensors of a file that `torch.save` wrote of a `state_dict()`, by name; nothing of them is read.
 * @throws an Error that names the file and what in it is not known, and says what to do
 */
export function readTorchHeader(file: string): Map<string, TensorEntry> {
  const fail = (problem: string): never => {
    throw new Error(
      `${file} cannot be read as PyTorch's tensors: ${problem}; where you trust it, convert it to safetensors`,
    )
  }
  return withFile(file, (read, size) => {
    if (size > 0 && read(0, 1)[0] === 0x80) fail('it is of the format before PyTorch 1.6, a bare pickle')
    const archive = openArchive(readZipDirectory(read, size, fail), fail)
    checkByteOrder(archive('byteorder'), read, fail)
    const pickle = archive('data.pkl') ?? fail('it has no data.pkl')
    if (pickle.length > maxPickle)
      fail(`its data.pkl has ${pickle.length} bytes, more than the limit of ${maxPickle}`)

    const state = unpickle(read(pickle.offset, pickle.length), {
      globals: globalsOf(fail),
      persistent: (id) => openStorage(id, archive, fail),
      fail,
    })
    if (!(state instanceof Dict)) return fail('it holds no table of tensors')
    return new Map([...state.entries].map(([name, value]) => [`${name}`, entryOf(file, name, value, fail)]))
  })
}

type Archive = (name: string) => StoredEntry | undefined

/** Finds entries of the archive by their name below its one directory, which is called after the file. */
function openArchive(entries: ReadonlyMap<string, StoredEntry>, fail: Fail): Archive {
  const [first] = entries.keys()
  const root = first?.split('/')[0]
  const stray = [...entries.keys()].find((name) => !name.startsWith(`${root}/`))
  if (stray !== undefined) fail(`its entry "${stray}" lies outside of its directory "${root}"`)
  return (name) => entries.get(`${root}/${name}`)
}

function checkByteOrder(entry: StoredEntry | undefined, read: Read, fail: Fail): void {
  if (!entry) return // older than the record, and little-endian like every machine that wrote one then
  const order = new TextDecoder().decode(read(entry.offset, Math.min(entry.length, 8)))
  if (order !== 'little') fail(`its byte order is ${JSON.stringify(order)}, not "little"`)
}

/** The persistent id of a storage: ('storage', type, key, device, number of elements). */
function openStorage(id: Value, archive: Archive, fail: Fail): Storage {
  const [kind, type, key, , count] = id instanceof Tuple ? id.items : []
  if (kind !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string' || !isSize(count))
    return fail('its pickle refers to something that is no storage')
  const entry = archive(`data/${key}`) ?? fail(`its storage ${key} is missing`)
  const wanted = byteLength(type.dtype, count)
  if (entry.length !== wanted)
    fail(`its storage ${key} of ${count} ${type.dtype} should have ${wanted} bytes, it has ${entry.length}`)
  return new Storage(type.dtype, count, entry)
}

/** What a state dict's pickle may name: storage types, an ordered dict, and the two that make tensors. */
function globalsOf(fail: Fail): Map<string, Global> {
  const known = [
    ...storageTypes.map(([name, dtype]) => new StorageType(`torch.${name}`, dtype)),
    new Global('collections.OrderedDict', (args) =>
      args.length === 0 ? new Dict() : fail('its pickle makes an OrderedDict out of something'),
    ),
    new Global('torch._utils._rebuild_tensor_v2', (args) => rebuildTensor(args, fail)),
    new Global('torch._utils._rebuild_parameter', ([tensor, , hooks]) =>
      tensor instanceof StoredTensor && isEmptyDict(hooks)
        ? tensor
        : fail('its pickle makes a parameter that is more than a tensor'),
    ),
  ]
  return new Map(known.map((global) => [global.name, global]))
}

/** (storage, storage_offset, size, stride, requires_grad, backward_hooks), counted in elements. */
function rebuildTensor(args: readonly Value[], fail: Fail): StoredTensor {
  const [storage, start, size, stride, , hooks] = args
  const [shape, strides] = [sizesOf(size), sizesOf(stride)]
  if (args.length !== 6 || !(storage instanceof Storage) || !isSize(start) || !shape || !strides)
    return fail('its pickle makes a tensor out of something that is no storage with sizes')
  if (!isEmptyDict(hooks)) fail('its pickle makes a tensor with hooks')
  const what = `a tensor of sizes [${shape}] and strides [${strides}]`
  if (!isContiguous(shape, strides)) fail(`it has ${what}, whose values do not lie in order`)
  const { dtype, count, entry } = storage
  const elements = shape.reduce((n, d) => n * d, 1)
  if (!(start + elements <= count))
    fail(`it has ${what} from element ${start} of a storage of ${count} elements`)
  const offset = entry.offset + byteLength(dtype, start)
  return new StoredTensor({ dtype, shape, offset, length: byteLength(dtype, elements) })
}

function entryOf(file: string, name: Value, value: Value, fail: Fail): TensorEntry {
  if (typeof name !== 'string') return fail(`it has the key ${name}, which is no name`)
  if (!(value instanceof StoredTensor)) return fail(`"${name}" is no tensor`)
  return { name, file, ...value.place }
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isEmptyDict = (value: unknown) => value instanceof Dict && value.entries.size === 0

const sizesOf = (value: Value | undefined): number[] | undefined =>
  value instanceof Tuple && value.items.every(isSize) ? [...(value.items as number[])] : undefined

/** Whether the values lie in row-major order; the stride of a dimension of 1 says nothing. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.length !== strides.length) return false
  if (shape.includes(0)) return true
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false
    step *= shape[i]!
  }
  return true
}
