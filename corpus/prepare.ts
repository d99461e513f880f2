import type { DatasetFileName, Split } from '../contract/dataset.ts'
import type { Conversation } from './conversation.ts'
import type { Problems } from './problems.ts'
import { readCorpus } from './read.ts'
import { split } from './split.ts'

export type Prepared = {
  problems: Problems
  counts: { total: number; train: number; dev: number }
  /** The dataset's files by name; undefined when the corpus has an error. */
  files: Record<DatasetFileName, string> | undefined
}

/**
 * From a corpus file to the files of a dataset: what the corpus says, in JSON, and the two sets. In these, `systemPrompt`
 * goes before conversations without a system turn.
 */
export function prepare(bytes: Uint8Array, how: Split, systemPrompt?: string | null): Prepared {
  const { conversations, problems } = readCorpus(bytes)
  const total = conversations.length
  if (total === 1 && how.train < 1 && !problems.firstError)
    problems.error(
      'too_few_pairs',
      'the file has 1 pair; at least 2 are needed, one to train on and one for the dev set',
    )
  if (problems.firstError) return { problems, counts: { total, train: 0, dev: 0 }, files: undefined }

  const { train, dev } = split(conversations, how)
  const entries = (set: Conversation[]) => write(set.map((turns) => asEntry(withSystem(turns, systemPrompt))))
  return {
    problems,
    counts: { total, train: train.length, dev: dev.length },
    files: {
      'original.json': write(
        conversations.every(isPair) ? conversations.map(asPair) : conversations.map(asEntry),
      ),
      'train.json': entries(train),
      'dev.json': entries(dev),
    },
  }
}

function withSystem(turns: Conversation, prompt: string | null | undefined): Conversation {
  return prompt && turns[0]!.role !== 'system' ? [{ role: 'system', content: prompt }, ...turns] : turns
}

const isPair = (turns: Conversation) => turns.length === 2
const asPair = (turns: Conversation) => ({ q: turns[0]!.content, a: turns[1]!.content })
/** A conversation as ChatGLM3's scripts read it. */
const asEntry = (turns: Conversation) => ({ conversations: turns })

/** Four spaces, and every character as it is. */
const write = (value: unknown) => `${JSON.stringify(value, null, 4)}\n`
