/** Names of this machine for itself, in a URL, a `host` header or the configuration. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

/**
 * Whether a request came to this machine by a name of its own, and from no web page of elsewhere: a page can have a
 * browser ask whatever its name leads to, and names can be led to this machine.
 */
export function isLocal(url: string, origin: string | undefined): boolean {
  if (!isLoopback(new URL(url).hostname)) return false
  return origin === undefined || (URL.canParse(origin) && isLoopback(new URL(origin).hostname))
}
