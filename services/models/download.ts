/** One file of a model from the hub to the local disk: taken up where it broke off, and verified. */
import { createHash, type Hash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { ConnectionError, type HubFile, openFile, PullError, type Repository } from './hub.ts'
import { retry } from './retry.ts'

export type Download = {
  repository: Repository
  commit: string
  file: HubFile
  /** Where it is put; what an earlier attempt left there is kept. */
  path: string
  signal: AbortSignal
  /** How many of its bytes are there now. */
  onProgress(bytes: number): void
  /** Waits before further attempts, in ms. */
  waits: readonly number[]
}

/**
 * Downloads a file and verifies its size and hash; one that is wrong is removed.
 * @throws PullError when the file is not what the hub says, or the hub refuses it; what a broken connection left stays
 */
export async function download({ onProgress, ...download }: Download): Promise<{ sha256: string }> {
  const { file, path, signal, waits } = download
  let most = 0
  const note = (bytes: number) => {
    most = Math.max(most, bytes)
    onProgress(bytes)
  }
  const { sha256, matches } = await retry(() => fetchRest({ ...download, onProgress: note }), {
    ...{ waits, signal },
    progress: () => most,
    advice: `pull again to go on with ${file.name} from there`,
  })
  if (matches) return { sha256 }
  await rm(path, { force: true })
  throw new PullError(
    'wrong_hash',
    `${file.name} is not the file that the hub describes (its hash differs); it was removed, pull again to try again`,
  )
}

async function fetchRest({ repository, commit, file, path, signal, onProgress }: Omit<Download, 'waits'>) {
  let there = await sizeOf(path)
  if (there > file.bytes) {
    await rm(path)
    there = 0
  }
  let verifier = createVerifier(file)
  if (there > 0) for await (const chunk of createReadStream(path)) verifier.push(chunk)
  onProgress(there)
  if (there < file.bytes) {
    // Opened first: of a stream that nobody reads yet, a broken connection takes away what has come.
    const out = await open(path, constants.O_WRONLY | constants.O_CREAT)
    try {
      const { start, body } = await openFile(repository, commit, file, there, signal)
      if (start < there) {
        verifier = createVerifier(file)
        there = start
      }
      for await (const chunk of body) {
        verifier.push(chunk)
        const at = there
        there += chunk.length
        if (there > file.bytes) break
        await writeAt(out, chunk, at)
        onProgress(there)
      }
      await out.sync()
    } finally {
      await out.close()
    }
    if (there < file.bytes)
      throw new ConnectionError(`the connection ended at byte ${there} of ${file.bytes}`)
  }
  return verifier.end()
}

/** Each byte goes to its own place: a worker that was taken for dead, and goes on, writes what is there already. */
async function writeAt(file: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < chunk.length; )
    from += (await file.write(chunk, from, chunk.length - from, at + from)).bytesWritten
}

/** Hashes as the hub does: large files whole, small ones behind the header of a git blob. */
function createVerifier({ bytes, sha256, gitSha1 }: HubFile) {
  const whole = createHash('sha256')
  const hashes: Hash[] = [whole]
  const git = sha256 === null ? createHash('sha1').update(`blob ${bytes}\0`) : undefined
  if (git) hashes.push(git)
  return {
    push(chunk: Uint8Array) {
      for (const hash of hashes) hash.update(chunk)
    },
    end() {
      const digest = whole.digest('hex')
      return { sha256: digest, matches: git ? git.digest('hex') === gitSha1 : digest === sha256 }
    },
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
