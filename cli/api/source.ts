/** What a job is to train on, from a corpus on this machine or from the files that a configuration names. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { ApiError } from './api.ts'

/** `dev` is measured; without one, the server splits `train`. */
export type Source = { train: string; dev?: string }

/** The text of a configuration file. */
export async function readConfig(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ApiError(`cannot read ${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`)
  })
}

/**
 * The corpus itself where it is a file. Else the files that the configuration's `data_config` names: in the corpus,
 * when it is a directory, as ChatGLM3's scripts are called; else beside the configuration.
 */
export async function findSource(corpus?: string, config?: { path: string; text: string }): Promise<Source> {
  const isDirectory = corpus !== undefined && (await stat(corpus).catch(() => undefined))?.isDirectory()
  if (corpus !== undefined && !isDirectory) return { train: corpus }
  if (!config)
    throw new ApiError(
      `${corpus === undefined ? 'nothing to train on' : `${corpus} is a directory`}; ` +
        'name a corpus file, or give a --config that names its files',
    )
  const { train, dev } = filesOf(config)
  const directory = corpus ?? dirname(config.path)
  return { train: join(directory, train), dev: dev && join(directory, dev) }
}

function filesOf({ path, text }: { path: string; text: string }): Source {
  let found: { data_config?: { train_file?: unknown; val_file?: unknown } } | null
  try {
    found = parse(text)
  } catch (error) {
    throw new ApiError(`${path} is not YAML: ${(error as Error).message.split('\n')[0]}`)
  }
  const { train_file: train, val_file: dev } = found?.data_config ?? {}
  if (typeof train !== 'string')
    throw new ApiError(`${path} names no data_config.train_file; name a corpus on the command line`)
  return { train, dev: typeof dev === 'string' ? dev : undefined }
}
