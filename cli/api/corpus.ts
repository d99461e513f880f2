/** From a corpus on this machine to a dataset on the server. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset, Problem, Split } from '../../contract/dataset.ts'
import type { FileObject } from '../../contract/file.ts'
import { bytesLine } from '../terminal/bytes.ts'
import { type Api, ApiError } from './api.ts'
import { uploadFile } from './upload.ts'

const pollMs = 200

/** Uploads the file at `path`; how far a large one is, is shown. */
export async function uploadCorpus(api: Api, path: string): Promise<FileObject> {
  const line = bytesLine(process.stderr)
  try {
    return await uploadFile(api, path, line.update)
  } finally {
    line.end()
  }
}

/** Makes a dataset of an uploaded file and waits until it is ready or has failed. */
export async function makeDataset(
  api: Api,
  fileId: string,
  split: Partial<Split>,
  systemPrompt?: string,
): Promise<Dataset> {
  let dataset = await api.post<Dataset>('v1/datasets', {
    file_id: fileId,
    split,
    system_prompt: systemPrompt,
  })
  while (dataset.status === 'processing') {
    await sleep(pollMs)
    dataset = await api.get<Dataset>(`v1/datasets/${dataset.id}`)
  }
  return dataset
}

/**
 * Prints the problems of a corpus in the form that editors can jump to: `corpus.txt:12:3: error: …`.
 * @throws ApiError when an error among them made the conversion fail
 */
export function reportProblems(path: string, { status, problems, problems_total }: Dataset): void {
  for (const problem of problems)
    console.error(`${placeOf(path, problem)}: ${problem.severity}: ${problem.message}`)
  const hidden = problems_total - problems.length
  if (hidden > 0) console.error(`${path}: and ${hidden} more problems`)
  if (status === 'failed') throw new ApiError(`${path} cannot be used as it is; nothing was made of it`)
}

const placeOf = (file: string, { line, column, path }: Problem) =>
  [file, line, column, path].filter((part) => part !== undefined).join(':')
