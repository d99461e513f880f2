/** A child process that is started again when it dies, and ends with its parent. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export type Supervised = {
  /** Asks the process to end (SIGTERM), and makes it (SIGKILL) when it has not after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

type Options = {
  env: NodeJS.ProcessEnv
  /** Called each time it ends unasked, before it is started again. */
  onDeath(code: number | null, signal: NodeJS.Signals | null, restartMs: number): void
}

// Each quick death doubles the wait, up to the longest; a process that lived a minute begins anew.
const shortestWait = 500 // ms
const longestWait = 30_000 // ms
const healthyLife = 60_000 // ms

/** Runs `script` under this Node, its output on ours, until `stop`. */
export function keepRunning(script: string, { env, onDeath }: Options): Supervised {
  let stopping = false
  let wait = shortestWait
  let restart: NodeJS.Timeout | undefined
  let child = start()

  function start(): ChildProcess {
    const startedAt = Date.now()
    // The channel tells the child when this process is gone, even by SIGKILL: it then gets 'disconnect'.
    const started = spawn(process.execPath, [script], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    started.once('exit', (code, signal) => {
      if (stopping) return
      wait = Date.now() - startedAt > healthyLife ? shortestWait : Math.min(wait * 2, longestWait)
      onDeath(code, signal, wait)
      restart = setTimeout(() => {
        child = start()
      }, wait)
    })
    return started
  }

  return {
    async stop(graceMs) {
      stopping = true
      clearTimeout(restart)
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(kill)
    },
  }
}
