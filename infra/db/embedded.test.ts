import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { startEmbedded } from './embedded.ts'

const answer = async (url: string, query: string) => {
  const client = new Client({ connectionString: url })
  try {
    await client.connect()
    return (await client.query(query)).rows
  } finally {
    await client.end()
  }
}

test('an embedded Postgres keeps its data, and a second starter joins the first', async () => {
  const home = await mkdtemp(join(tmpdir(), 'preamble-embedded-'))
  const options = { directory: join(home, 'postgres'), throwaway: true }
  const first = await startEmbedded(options)
  await answer(first.url, "create table kept as select 'still here' as word")
  const second = await startEmbedded(options)
  expect(second.url).toBe(first.url)
  await second.stop()
  expect(await answer(first.url, 'select word from kept')).toEqual([{ word: 'still here' }])
  await first.stop()
  await expect(answer(first.url, 'select 1')).rejects.toThrow('ECONNREFUSED')

  const again = await startEmbedded(options)
  expect(await answer(again.url, 'select word from kept')).toEqual([{ word: 'still here' }])
  await again.stop()
  await rm(home, { recursive: true })
})

test('two that start at the same moment share one server', async () => {
  const home = await mkdtemp(join(tmpdir(), 'preamble-embedded-'))
  const options = { directory: join(home, 'deep', 'postgres'), throwaway: true }
  const both = await Promise.all([startEmbedded(options), startEmbedded(options)])
  expect(both[0].url).toBe(both[1].url)
  expect(await answer(both[0].url, 'select 1 as one')).toEqual([{ one: 1 }])
  await Promise.all(both.map((server) => server.stop()))
  await rm(home, { recursive: true })
})

test('a server that was killed starts again, whatever lock file it left', async () => {
  const home = await mkdtemp(join(tmpdir(), 'preamble-embedded-'))
  const options = { directory: join(home, 'postgres'), throwaway: true }
  const lock = join(options.directory, 'postmaster.pid')
  const killed = await startEmbedded(options)
  await answer(killed.url, "create table kept as select 'still here' as word")
  await answer(killed.url, 'checkpoint') // a throwaway server has written nothing before
  const left = await readFile(lock, 'utf8')
  const pid = Number.parseInt(left, 10)
  process.kill(pid, 'SIGKILL')
  await killed.stop()
  for (const content of [left, left.replace(String(pid), String(process.pid)), '']) {
    await writeFile(lock, content)
    const { url, stop } = await startEmbedded(options)
    expect(await answer(url, 'select word from kept')).toEqual([{ word: 'still here' }])
    await stop()
  }
  await rm(home, { recursive: true })
})

test('a directory that cannot hold a server is named in the error', async () => {
  await expect(startEmbedded({ directory: '/dev/null/postgres' })).rejects.toThrow('/dev/null/postgres')
})
