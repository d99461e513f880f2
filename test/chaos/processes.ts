/** The services as processes of their own, each of which is started again when it ends, as an init system would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type Process = {
  name: string
  /** Kills it; `down` ms later it is started again. */
  kill(down: number): void
  /** Stops its clock for `ms`. */
  suspend(ms: number): void
  /** Resolves when it has come up. */
  ready(): Promise<void>
  /** Asks it to end, and answers how it did. */
  stop(): Promise<number | NodeJS.Signals>
  counts: {
    kills: number
    suspensions: number
    /** Ends that nobody asked for: while it came up (without database or storage it cannot), and later. */
    failedStarts: number
    crashes: number
  }
}

/** What a process of ours logs when it has come up. */
const up = /"msg":"(listening|waiting for)/
const restartMs = 500

export function startProcess(name: string, script: string, env: NodeJS.ProcessEnv, logs: string): Process {
  mkdirSync(logs, { recursive: true })
  const log = createWriteStream(join(logs, `${name}.log`), { flags: 'a' })
  const counts = { kills: 0, suspensions: 0, failedStarts: 0, crashes: 0 }
  let killed: { down: number } | undefined
  let stopping = false
  let isUp = Promise.withResolvers<void>()
  let child = start()

  function start(): ChildProcess {
    killed = undefined
    let wasUp = false
    // With the channel it ends when this process does, however suddenly.
    const started = spawn(process.execPath, [join(import.meta.dirname, '../../services', script)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    started.stdout!.on('data', (chunk: Buffer) => {
      if (wasUp || !up.test(chunk.toString())) return
      wasUp = true
      isUp.resolve()
    })
    started.stdout!.pipe(log, { end: false })
    started.stderr!.pipe(log, { end: false })
    started.once('exit', (code, signal) => {
      if (stopping) return
      if (wasUp) isUp = Promise.withResolvers()
      if (!killed) counts[wasUp ? 'crashes' : 'failedStarts'] += 1
      log.write(`── ended: ${signal ?? code}${killed ? '' : ', unasked'}\n`)
      setTimeout(() => {
        if (!stopping) child = start()
      }, killed?.down ?? restartMs)
    })
    return started
  }

  return {
    name,
    counts,
    ready: () => isUp.promise,
    kill(down) {
      if (child.exitCode !== null || child.signalCode !== null) return // it is down already
      killed = { down }
      counts.kills += 1
      child.kill('SIGKILL')
    },
    suspend(ms) {
      const suspended = child
      if (!suspended.kill('SIGSTOP')) return
      counts.suspensions += 1
      void sleep(ms).then(() => suspended.kill('SIGCONT'))
    },
    async stop() {
      stopping = true
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGTERM')
        await exited
      }
      return child.exitCode ?? child.signalCode!
    },
  }
}
