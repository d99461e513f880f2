/** From a corpus on this machine to a dataset on the server. */
import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dataset, Problem, Split } from '../../contract/dataset.ts'
import type { FileObject } from '../../contract/file.ts'
import { type Api, ApiError } from './api.ts'

const pollMs = 200

/** Uploads the file at `path`, straight from the disk. */
export async function uploadCorpus(api: Api, path: string): Promise<FileObject> {
  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', await blobOf(path), basename(path))
  return api.postForm<FileObject>('v1/files', form)
}

async function blobOf(path: string): Promise<Blob> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new ApiError(`cannot read ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`)
  })
  if (!found.isFile()) throw new ApiError(`cannot read ${path}: not a file`)
  return openAsBlob(path)
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

/** The problems of a dataset as lines in the form that editors can jump to: `corpus.txt:12:3: error: …`. */
export function problemLines(path: string, { problems, problems_total }: Dataset): string[] {
  const lines = problems.map(
    (problem) => `${placeOf(path, problem)}: ${problem.severity}: ${problem.message}`,
  )
  const hidden = problems_total - problems.length
  return hidden > 0 ? [...lines, `${path}: and ${hidden} more problems`] : lines
}

const placeOf = (file: string, { line, column, path }: Problem) =>
  [file, line, column, path].filter((part) => part !== undefined).join(':')

/** Throws what made the conversion fail; `path` is the corpus it was made of. */
export function assertConverted(path: string, { status, error }: Dataset): void {
  if (status === 'failed')
    throw new ApiError(`${path} cannot be used: ${error?.message ?? 'see the errors above'}`)
}
