import { existsSync, readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { readHeader, type TensorEntry } from './safetensors.ts'
import { readTorchHeader } from './torch-file.ts'

/** The weights of a Hugging Face directory, where they lie: nothing but headers is read. */
export type Checkpoint = { directory: string; tensors: ReadonlyMap<string, TensorEntry> }

/** How a directory may keep its weights; the first that is there is taken. Each format may come in shards. */
const formats = [
  { file: 'model.safetensors', header: readHeader },
  { file: 'pytorch_model.bin', header: readTorchHeader },
]

/**
 * Opens a directory with `model.safetensors` or `pytorch_model.bin`, or with the shards that `….index.json` lists.
 * Throws when there is neither, a listed shard is missing or a shard lacks a tensor the index puts there.
 */
export function openCheckpoint(directory: string): Checkpoint {
  for (const { file, header } of formats) {
    const single = join(directory, file)
    if (existsSync(single)) return { directory, tensors: header(single) }
    const index = `${single}.index.json`
    if (existsSync(index)) return { directory, tensors: readShards(directory, index, header) }
  }
  const names = formats.map(({ file }) => `${file} or ${file}.index.json`).join(', ')
  throw new Error(`${directory} has no weights; a base model has one of ${names}`)
}

/** A tensor of the checkpoint, of this shape. Throws when it is missing or has another shape. */
export function tensorOf(checkpoint: Checkpoint, name: string, shape: readonly number[]): TensorEntry {
  const entry = checkpoint.tensors.get(name)
  if (!entry)
    throw new Error(
      `${checkpoint.directory}: tensor "${name}" is missing (${checkpoint.tensors.size} tensors there)`,
    )
  if (entry.shape.join() !== shape.join())
    throw new Error(
      `${entry.file}: tensor "${name}" has shape [${entry.shape.join(', ')}], the config asks for [${shape.join(', ')}]`,
    )
  return entry
}

/** Whether memory may hold the weights as float32, beside what else the machine does. */
export const expansionIsCheap = (checkpoint: Checkpoint): boolean => float32Bytes(checkpoint) < totalmem() / 4

/** Whether two more copies of the weights, as float32, are next to nothing in this machine's memory. */
export const copiesAreCheap = (checkpoint: Checkpoint): boolean =>
  2 * float32Bytes(checkpoint) < totalmem() / 32

function float32Bytes({ tensors }: Checkpoint): number {
  let bytes = 0
  for (const { shape } of tensors.values()) bytes += 4 * shape.reduce((n, d) => n * d, 1)
  return bytes
}

function readShards(
  directory: string,
  index: string,
  header: (file: string) => Map<string, TensorEntry>,
): Map<string, TensorEntry> {
  const weightMap = parseWeightMap(index)
  const shards = new Map<string, Map<string, TensorEntry>>()
  for (const [name, shard] of weightMap) {
    if (basename(shard) !== shard)
      throw new Error(`${index}: "${name}" lies in "${shard}", not a plain file name`)
    if (shards.has(shard)) continue
    const file = join(directory, shard)
    if (!existsSync(file)) throw new Error(`${index} lists the shard ${shard}, but ${file} does not exist`)
    shards.set(shard, header(file))
  }
  return new Map(
    weightMap.map(([name, shard]) => {
      const entry = shards.get(shard)!.get(name)
      if (!entry) throw new Error(`${index} puts tensor "${name}" in ${shard}, which does not have it`)
      return [name, entry]
    }),
  )
}

function parseWeightMap(index: string): [string, string][] {
  let weightMap: unknown
  try {
    weightMap = (JSON.parse(readFileSync(index, 'utf8')) as { weight_map?: unknown } | null)?.weight_map
  } catch (error) {
    throw new Error(`${index} is not JSON (${(error as Error).message})`)
  }
  const entries = typeof weightMap === 'object' && weightMap !== null ? Object.entries(weightMap) : []
  const isEntry = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string'
  if (entries.length === 0 || !entries.every(isEntry))
    throw new Error(`${index}: "weight_map" must be an object from tensor names to shard files`)
  return entries
}
