/** A process of ours: configuration, log, a clean start and a clean stop. */
import { readFileSync } from 'node:fs'
import { collectDefaultMetrics } from 'prom-client'
import { type Config, readConfig } from './config.ts'
import { withoutValues } from './db/without-values.ts'
import type { HostDeps } from './http/app.ts'
import { Lifetime } from './http/lifetime.ts'
import { createLog, type Log } from './log.ts'
import { createMetrics } from './metrics.ts'

/** This project's version, from package.json. */
const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

export type Process = {
  config: Config
  log: Log
  /** For the apps of its server. */
  host: Required<HostDeps>
  /** What to close when the process stops; the last one opened is closed first. */
  onStop(close: () => Promise<unknown>): void
}

/** What closing everything may take beyond the running requests; a process that hangs is worse than one that is cut. */
const closeLimit = 60_000 // ms

/**
 * Starts what `start` starts, waits for SIGTERM, SIGINT or the end of the process that spawned this one, and closes
 * it all again. When it cannot start, what was opened is closed and the exit code is 1.
 */
export async function runProcess(name: string, start: (process: Process) => Promise<void>): Promise<never> {
  const stop = Promise.withResolvers<string>()
  // Repeated signals change nothing: Ctrl-C comes from the terminal and once more from npm.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.resolve(signal))
  process.on('disconnect', () => stop.resolve('the parent process ended'))

  // What is being closed must not let the process end before the rest is: some of it does not keep a process alive.
  setInterval(() => {}, 2 ** 30)
  const closers: (() => Promise<unknown>)[] = []
  const metrics = createMetrics()
  collectDefaultMetrics({ register: metrics.registry })
  let log: Log | undefined
  let limit = closeLimit
  try {
    const config = readConfig()
    limit += config.drainTimeout
    log = createLog({ name, level: config.logLevel })
    if (config.traces) {
      // Only where it is used: it takes some 10 MB.
      const { exportSpans } = await import('./traces/export.ts')
      closers.push(exportSpans({ service: name, version, ...config.traces, log }))
    }
    const host = { log, version, metrics, lifetime: new Lifetime() }
    await start({ config, log, host, onStop: (close) => closers.push(close) })
    log.info({ reason: await stop.promise }, 'stopping')
  } catch (error) {
    log?.debug({ err: error }, 'could not start')
    console.error(`${name}: ${(withoutValues(error) as Error).message}`)
    process.exitCode = 1
  }
  setTimeout(() => {
    log?.error({ limit }, 'could not close in time')
    process.exit(1)
  }, limit)
  for (const close of closers.reverse()) {
    await close().catch((error: unknown) => {
      log?.error({ err: error }, 'could not close')
      process.exitCode = 1
    })
  }
  log?.info('stopped')
  process.exit()
}
