/** A process of ours: configuration, log, a clean start and a clean stop. */
import { readFileSync } from 'node:fs'
import { type Config, readConfig } from './config.ts'
import { createLog, type Log } from './log.ts'

/** This project's version, from package.json. */
export const version: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version

export type Process = {
  config: Config
  log: Log
  /** What to close when the process stops; the last one opened is closed first. */
  onStop(close: () => Promise<unknown>): void
}

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
  let log: Log | undefined
  try {
    const config = readConfig()
    log = createLog({ name, level: config.logLevel })
    await start({ config, log, onStop: (close) => closers.push(close) })
    log.info({ reason: await stop.promise }, 'stopping')
  } catch (error) {
    log?.debug({ err: error }, 'could not start')
    console.error(`${name}: ${(error as Error).message}`)
    process.exitCode = 1
  }
  for (const close of closers.reverse()) {
    await close().catch((error: unknown) => {
      log?.error({ err: error }, 'could not close')
      process.exitCode = 1
    })
  }
  log?.info('stopped')
  process.exit()
}
