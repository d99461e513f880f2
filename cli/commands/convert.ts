import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Api } from '../api/api.ts'
import { makeDataset, reportProblems, uploadCorpus } from '../api/corpus.ts'
import { command, UsageError } from '../command.ts'
import { splitOf, splitOptions } from './split.ts'

/** What is written, and which file of the dataset it is. */
const outputs = [
  ['original_data.json', 'original.json'],
  ['train.json', 'train.json'],
  ['dev.json', 'dev.json'],
] as const

export const convert = command({
  summary: 'Convert a text corpus into original_data.json, train.json and dev.json',
  operands: ['CORPUS'],
  options: {
    out: { kind: 'text', value: 'DIR', help: 'where to write the three files (required)' },
    ...splitOptions,
  },
  async run({ api, operands: [corpus], values }) {
    if (!values.out) throw new UsageError('--out is missing')
    const file = await uploadCorpus(api, corpus!)
    try {
      const dataset = await makeDataset(api, file.id, splitOf(values), values['system-prompt'])
      try {
        reportProblems(corpus!, dataset)
        await download(api, dataset.id, values.out)
      } finally {
        await api.delete(`v1/datasets/${dataset.id}`)
      }
      const { train, dev } = dataset.counts
      console.log(`${train + dev} conversations: ${train} train, ${dev} dev`)
    } finally {
      await api.delete(`v1/files/${file.id}`)
    }
  },
})

/** Writes the three files into `directory`: all of them or, where one cannot be had, none. */
async function download(api: Api, datasetId: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const paths = outputs.map(([name]) => join(directory, name))
  const partial = paths.map((path) => `${path}.part`)
  try {
    for (const [i, [, file]] of outputs.entries())
      await writeFile(partial[i]!, await api.download(`v1/datasets/${datasetId}/files/${file}`))
    for (const [i, path] of paths.entries()) await rename(partial[i]!, path)
  } finally {
    for (const path of partial) await rm(path, { force: true })
  }
  for (const path of paths) console.log(path)
}
