import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatasetFileName, Split } from '../contract/dataset.ts'
import type { TextEncoding } from '../contract/file.ts'
import { removeStale, temporaryIn } from '../infra/store/temporary.ts'
import { putInOrder } from './in-order.ts'
import { PagedFile } from './paged-file.ts'
import type { Problems } from './problems.ts'
import { readCorpus } from './read.ts'
import { type Rendering, render, renderInThread } from './rendering.ts'
import { splitOrder } from './split.ts'
import { entriesOf } from './spool.ts'

export type Corpus = { content: AsyncIterable<Uint8Array>; encoding: TextEncoding | null }

export type Prepared = {
  problems: Problems
  counts: { total: number; train: number; dev: number }
}

/** Makes the file at `path`, which does not change any more, a file of the dataset. */
type Keep = (name: DatasetFileName, path: string) => Promise<unknown>

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
  const spool = await PagedFile.create(join(directory, 'entries'), pageBytes)
  try {
    const { problems, total, sizes, arePairs } = await readInto(spool, content, encoding)
    if (total === 1 && how.train < 1 && !problems.firstError)
      problems.error(
        'too_few_pairs',
        'the file has 1 pair; at least 2 are needed, one to train on and one for the dev set',
      )
    if (problems.firstError) return { problems, counts: { total, train: 0, dev: 0 } }
    const { order, train } = splitOrder(total, how)
    const make = spool.length < worthThreads ? render : renderInThread
    async function write(name: DatasetFileName, what: Omit<Rendering, 'path'>) {
      const path = join(directory, name)
      await make({ path, ...what })
      await keep(name, path)
    }
    const original = () =>
      write('original.json', { entries: spool.path, form: arePairs ? 'pairs' : 'conversations' })
    async function sets() {
      const heaps = await putInOrder(entriesOf(spool.path), { order, sizes, cut: train }, directory)
      const form = 'conversations'
      const { systemPrompt: system } = how
      await together([
        write('train.json', { entries: heaps.filter(({ first }) => first < train), form, system }),
        write('dev.json', { entries: heaps.filter(({ first }) => first >= train), form, system }),
      ])
    }
    // While a thread makes the first file, this one puts the entries of the others in order.
    await together([original(), sets()])
    return { problems, counts: { total, train, dev: total - train } }
  } finally {
    await spool.close()
    await rm(directory, { recursive: true })
  }
}

/** Waits for all of them to end, whether or not one fails. */
async function together(work: Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === 'rejected') throw end.reason
}

/** Bytes of entries that take longer to write as JSON than threads take to start. */
const worthThreads = 8 * 2 ** 20
const pageBytes = 2 ** 20

async function readInto(spool: PagedFile, content: AsyncIterable<Uint8Array>, encoding: TextEncoding | null) {
  /** What was taken of a chunk is written before the next one is read. */
  async function* paced() {
    for await (const chunk of content) {
      yield chunk
      if (spool.isFull) await spool.flush()
    }
  }
  let sizes = new Uint32Array(1024)
  let total = 0
  let arePairs = true
  const problems = await readCorpus(paced(), encoding, ({ bytes, length, turns }) => {
    if (total === sizes.length) {
      const more = new Uint32Array(2 * sizes.length)
      more.set(sizes)
      sizes = more
    }
    sizes[total++] = length
    arePairs &&= turns === 2
    spool.page.add(bytes, 0, length)
  })
  await spool.end()
  return { problems, total, sizes, arePairs }
}
