/** What a hub that speaks Hugging Face's protocol has, and its files as streams. */
import { downloadFile, HubApiError, listFiles, modelInfo } from '@huggingface/hub'

export type HubFile = {
  name: string
  bytes: number
  /** Of files in large-file storage; the others have the hash that git gives them. */
  sha256: string | null
  gitSha1: string
}
export type Repository = { name: string; endpoint: string; token: string | undefined }

/** A failure that trying again does not mend; the message may be shown to the caller. */
export class PullError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The commit that a revision is now, and the files at the top of its tree. */
export async function listRepository(
  { name, endpoint, token }: Repository,
  revision: string,
  signal: AbortSignal,
): Promise<{ commit: string; files: HubFile[] }> {
  const access = { hubUrl: endpoint, accessToken: token, fetch: guarded(endpoint, signal) }
  try {
    const { sha } = await modelInfo({ ...access, name, revision, additionalFields: ['sha'] })
    const files: HubFile[] = []
    for await (const { type, path, size, oid, lfs } of listFiles({ ...access, repo: name, revision: sha })) {
      if (type === 'file')
        files.push({
          name: path,
          bytes: lfs?.size ?? size,
          sha256: lfs?.oid.replace(/^sha256:/, '') ?? null,
          gitSha1: oid ?? '',
        })
    }
    return { commit: sha, files }
  } catch (error) {
    throw explained(error, name, endpoint)
  }
}

/** The bytes of a file of a commit from `from` on. */
export async function openFile(
  { name, endpoint, token }: Repository,
  commit: string,
  file: HubFile,
  from: number,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const url = `${endpoint}/${name}/resolve/${commit}/${encodeURIComponent(file.name)}`
  const blob = await downloadFile({
    ...{ repo: name, path: file.name, revision: commit, hubUrl: endpoint, accessToken: token },
    fetch: guarded(endpoint, signal),
    // What it would ask for is known already.
    downloadInfo: { size: file.bytes, etag: file.gitSha1, url },
  })
  return blob!.slice(from, file.bytes).stream()
}

/** `fetch` that shows the token to the hub alone, and takes no whole file for the part that it asked for. */
function guarded(endpoint: string, signal: AbortSignal): typeof fetch {
  const { origin } = new URL(endpoint)
  return async (input, init = {}) => {
    const headers = new Headers(init.headers)
    // A hub redirects to where its files lie; fetch itself drops the header on the way to another host.
    if (new URL(String(input)).origin !== origin) headers.delete('authorization')
    const response = await fetch(input, { ...init, headers, signal })
    const { status, body } = response
    if (headers.has('range') && status === 200) {
      await body?.cancel()
      throw new PullError(
        'hub_error',
        `${origin} sends whole files only: a download cannot be taken up again`,
      )
    }
    return response
  }
}

/** Failures that are the request's, in words that say what to do; others as they are, to be tried again. */
function explained(error: unknown, name: string, endpoint: string): unknown {
  if (!(error instanceof HubApiError)) return error
  const { statusCode: status } = error
  const cause = { cause: error }
  if (status === 401 || status === 403)
    return new PullError(
      'not_allowed',
      `${endpoint} does not show ${name} (${status}): it does not exist, or it needs a token that may read it in HF_TOKEN`,
      cause,
    )
  if (status === 404)
    return new PullError('not_found', `${endpoint} has no model ${name}, or not this revision of it`, cause)
  if (status < 500 && status !== 429)
    return new PullError('hub_error', `${endpoint} answered ${status} about ${name}`, cause)
  return error
}

/** Whether a failed download may work a moment later. */
export const isTransient = (error: unknown): boolean =>
  !(error instanceof PullError) && (error as NodeJS.ErrnoException).code !== 'ENOSPC'
