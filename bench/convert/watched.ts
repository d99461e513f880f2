/** Programs in processes of their own whose memory is looked at while they run. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const everyMs = 10

/** Resident bytes of a process; 0: it has ended. */
function residentOf(pid: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return 1024 * Number(kilobytes ?? 0)
  } catch {
    return 0
  }
}

/** The most that a process has from now on. */
function watch(pid: number) {
  let peak = residentOf(pid)
  const timer = setInterval(() => {
    peak = Math.max(peak, residentOf(pid))
  }, everyMs)
  return {
    peak: () => peak,
    stop: () => clearInterval(timer),
  }
}

/** Runs a program to its end. @returns the most bytes it had, and how long it took, in ms */
export async function runWatched(program: string, args: readonly string[]) {
  const start = performance.now()
  const child = spawn(program, args, { stdio: 'inherit' })
  const memory = watch(child.pid!)
  const [code] = await once(child, 'exit')
  memory.stop()
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
  return { peak: memory.peak(), ms: performance.now() - start }
}

/** A service of this project, once it answers, and what it has in memory beyond what it has when idle. */
export async function startService(main: string, env: Record<string, string>) {
  const port = await freePort()
  const all = { ...process.env, ...env, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'error' }
  const child = spawn(process.execPath, [main], { env: all, stdio: 'inherit' })
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`${main} ended with ${child.exitCode}`)
    await sleep(50)
  }
  await sleep(1000) // until it has calmed down
  const idle = residentOf(child.pid!)
  const memory = watch(child.pid!)
  return {
    url,
    idle,
    above: () => memory.peak() - idle,
    async stop() {
      memory.stop()
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

const answers = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
