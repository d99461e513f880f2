import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatasetFileName, Split } from '../contract/dataset.ts'
import type { TextEncoding } from '../contract/file.ts'
import { removeStale, temporaryIn } from '../infra/store/temporary.ts'
import { type Ordered, putInOrder } from './in-order.ts'
import type { Problems } from './problems.ts'
import { readCorpus } from './read.ts'
import { splitOrder } from './split.ts'
import { Spool } from './spool.ts'
import { jsonArray, writeConversation, writePair } from './write-json.ts'

export type Corpus = { content: AsyncIterable<Uint8Array>; encoding: TextEncoding | null }

export type Prepared = {
  problems: Problems
  counts: { total: number; train: number; dev: number }
}

/** Takes a file of a dataset as it is written. */
type Keep = (name: DatasetFileName, content: AsyncIterable<Uint8Array>) => Promise<unknown>

/**
 * From a corpus file to the files of a dataset: what the corpus says, in JSON, and the two sets. In these, `systemPrompt`
 * goes before conversations without a system turn. When the corpus has an error there are no files. Memory holds some bytes
 * of each conversation; the conversations themselves go through files in `scratch`, a directory that is made if need be.
 */
export async function prepare(
  { content, encoding }: Corpus,
  how: Split & { systemPrompt?: string | null },
  scratch: string,
  keep: Keep,
): Promise<Prepared> {
  const directory = temporaryIn(scratch)
  await mkdir(directory, { recursive: true })
  await removeStale(scratch)
  const spool = await Spool.create(join(directory, 'entries'), pageBytes)
  let ordered: Ordered | undefined
  try {
    const { problems, sizes, arePairs } = await readInto(spool, content, encoding)
    const total = spool.count
    if (total === 1 && how.train < 1 && !problems.firstError)
      problems.error(
        'too_few_pairs',
        'the file has 1 pair; at least 2 are needed, one to train on and one for the dev set',
      )
    if (problems.firstError) return { problems, counts: { total, train: 0, dev: 0 } }
    const { order, train } = splitOrder(total, how)
    const original = () =>
      keep('original.json', jsonArray(spool.batches(), arePairs ? writePair : writeConversation()))
    async function sets() {
      ordered = await putInOrder(spool.batches(), { order, sizes, cut: train }, directory)
      const write = writeConversation(how.systemPrompt)
      await keep('train.json', jsonArray(ordered.batches(0, train), write))
      await keep('dev.json', jsonArray(ordered.batches(train, total), write))
    }
    // While one of them waits for the disk, the other goes on.
    const ends = await Promise.allSettled([original(), sets()])
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return { problems, counts: { total, train, dev: total - train } }
  } finally {
    await ordered?.close()
    await spool.close()
    await rm(directory, { recursive: true })
  }
}

const pageBytes = 2 ** 20

async function readInto(spool: Spool, content: AsyncIterable<Uint8Array>, encoding: TextEncoding | null) {
  /** What was taken of a chunk is written before the next one is read. */
  async function* paced() {
    for await (const chunk of content) {
      yield chunk
      await spool.flush(pageBytes / 2)
    }
  }
  let sizes = new Uint32Array(1024)
  let arePairs = true
  const problems = await readCorpus(paced(), encoding, ({ bytes, length, turns }) => {
    if (spool.count === sizes.length) {
      const more = new Uint32Array(2 * sizes.length)
      more.set(sizes)
      sizes = more
    }
    sizes[spool.count] = length
    arePairs &&= turns === 2
    spool.add(bytes, 0, length)
  })
  return { problems, sizes, arePairs }
}
