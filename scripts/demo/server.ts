/** Preamble's server as a child process, for the demo and for the tests that want the real thing. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = join(import.meta.dirname, '..', '..')
const startLimit = 60_000 // ms: the first start creates a database
const stopLimit = 30_000 // ms

export type Server = {
  url: string
  /** Asks it to stop and answers its exit code, or the signal that ended it. */
  stop(): Promise<number | NodeJS.Signals>
}

/**
 * `npm start` on a free port with its data under `home`; its log goes to `home`/server.log. `env` goes before the
 * environment of this process. Throws with the end of the log when the server does not come up.
 */
export async function startServer(home: string, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const port = await freePort()
  const logPath = join(home, 'server.log')
  const log = openSync(logPath, 'a')
  // Its own database and storage, whatever this machine is set up to use.
  const own = {
    PORT: String(port),
    HOST: '127.0.0.1',
    PREAMBLE_HOME: home,
    DATABASE_URL: '',
    STORAGE_URL: '',
  }
  // A group of its own: Ctrl-C reaches only who started the server, who then stops it in order.
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    env: { ...process.env, ...own, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const url = `http://127.0.0.1:${port}`
  try {
    await untilHealthy(url, child)
  } catch (error) {
    await stop(child)
    throw new Error(`${(error as Error).message}; the end of its log:\n${lastLines(logPath, 20)}`)
  }
  return { url, stop: () => stop(child) }
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startLimit
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended with exit code ${child.exitCode}`)
    const healthy = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    )
    if (healthy) return
    await sleep(100)
  }
  throw new Error(`the server did not answer ${url}/healthz within ${startLimit / 1000} s`)
}

async function stop(child: ChildProcess): Promise<number | NodeJS.Signals> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const kill = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), stopLimit)
    await exited
    clearTimeout(kill)
  }
  return child.exitCode ?? child.signalCode!
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

const lastLines = (path: string, count: number) =>
  readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
