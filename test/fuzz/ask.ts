/** Requests that must succeed. */
export type Ask = ReturnType<typeof asker>

/** Asks the server with a key. @throws what it answered instead */
export function asker(url: string, key?: string) {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url + path, { ...init, headers: { ...headers, ...init.headers } })
    if (response.ok) return response
    throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  }
  const get = async <T>(path: string) => (await (await send(path)).json()) as T
  const text = async (path: string) => (await send(path)).text()
  const bytes = async (path: string) => new Uint8Array(await (await send(path)).arrayBuffer())

  /** A form as it is, anything else as JSON. */
  async function post<T>(path: string, body: unknown = {}): Promise<T> {
    const init =
      body instanceof FormData
        ? { body }
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    return (await (await send(path, { method: 'POST', ...init })).json()) as T
  }
  return { get, text, bytes, post }
}
