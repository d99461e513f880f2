/** What a hub that speaks Hugging Face's protocol has, and its files as streams. */
import { listFiles, modelInfo } from '@huggingface/hub'

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

/** A failure on the way that may be over a moment later. */
export class ConnectionError extends Error {}

/**
 * The commit that a revision is now, and the files at the top of its tree.
 * @throws PullError when the hub refuses, ConnectionError or fetch's own TypeError when it does not get through
 */
export async function listRepository(
  repository: Repository,
  revision: string,
  signal: AbortSignal,
): Promise<{ commit: string; files: HubFile[] }> {
  const { name, endpoint } = repository
  const access = { hubUrl: endpoint, fetch: fetchFrom(repository, signal) }
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
}

/**
 * The bytes of a file of a commit from `from` on, or all of them when the hub sends no parts: `start` says which.
 * Not with the library's `downloadFile`: its streams end in the text of an error, so that a refusal, which is final,
 * cannot be told from a connection that broke.
 * @throws as `listRepository` does; so does the stream
 */
export async function openFile(
  repository: Repository,
  commit: string,
  { name }: HubFile,
  from: number,
  signal: AbortSignal,
): Promise<{ start: number; body: ReadableStream<Uint8Array> }> {
  const url = `${repository.endpoint}/${repository.name}/resolve/${commit}/${encodeURIComponent(name)}`
  const headers = from > 0 ? { range: `bytes=${from}-` } : undefined
  const { status, body } = await fetchFrom(repository, signal)(url, { headers })
  if (!body) throw new ConnectionError(`the answer to ${url} is empty`)
  return { start: status === 206 ? from : 0, body }
}

/** `fetch` that shows the token to the hub alone, and throws when the answer is a refusal. */
function fetchFrom(repository: Repository, signal: AbortSignal): typeof fetch {
  const { endpoint, token } = repository
  const { origin } = new URL(endpoint)
  return async (input, init = {}) => {
    const headers = new Headers(init.headers)
    // A hub redirects to where its large files lie; fetch itself drops this header on the way to another origin.
    if (token && new URL(String(input)).origin === origin) headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(input, { ...init, headers, signal })
    if (response.ok) return response
    await response.body?.cancel()
    throw refusal(response, repository)
  }
}

/** What an answer that is no success means, in words that say what to do. */
function refusal({ status, headers, url }: Response, { name, endpoint }: Repository): Error {
  const { origin } = new URL(url)
  // What a storage behind the hub refuses, a new redirect may allow.
  if (status >= 500 || status === 429 || origin !== new URL(endpoint).origin)
    return new ConnectionError(`${origin} answered ${status}`)
  if (headers.get('x-error-code') === 'GatedRepo')
    return new PullError(
      'not_allowed',
      `${name} is gated: accept its terms at ${endpoint}/${name}, and give the server a token of that account in HF_TOKEN`,
    )
  if (status === 401 || status === 403)
    return new PullError(
      'not_allowed',
      `${endpoint} does not show ${name} (${status}): it does not exist, or it needs a token that may read it in HF_TOKEN`,
    )
  if (status === 404)
    return new PullError('not_found', `${endpoint} has no model ${name}, or not this revision of it`)
  return new PullError('hub_error', `${endpoint} answered ${status} about ${name}`)
}
