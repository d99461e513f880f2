/**
 * `npm run bench:convert`: a text corpus through the services ingest and convert, each a real process, in parts as the
 * command line sends it; beside it, two plain Python scripts that do the same in memory.
 *
 * npm run bench:convert -- [--megabytes N] [--rounds N]
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from '../cli/api/api.ts'
import { makeDataset } from '../cli/api/corpus.ts'
import { uploadFile } from '../cli/api/upload.ts'
import { readConfig } from '../infra/config.ts'
import { openDatabase } from '../infra/db/open.ts'
import { writeCorpus } from './convert/corpus.ts'
import { runWatched, startService } from './convert/watched.ts'
import { median } from './measure.ts'

const bars = { memory: 300e6, ratio: 5 }

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '1' } },
})
const home = mkdtempSync(join(tmpdir(), 'preamble-convert-'))
const corpus = join(home, 'corpus.txt')
const config = readConfig({ PREAMBLE_HOME: home })
const database = await openDatabase(config)
try {
  const pairs = await writeCorpus(corpus, 1e6 * Number(values.megabytes))
  const bytes = statSync(corpus).size
  console.log(`${(bytes / 1e6).toFixed(0)} MB of text, ${pairs} pairs`)
  const [here, python]: [Here[], Python[]] = [[], []]
  for (let round = 0; round < Number(values.rounds); round++) {
    here.push(await services(pairs))
    python.push(await scripts())
  }
  report(bytes, here, python)
} finally {
  await database.close()
  rmSync(home, { recursive: true, force: true })
}

type Here = Awaited<ReturnType<typeof services>>
type Python = Awaited<ReturnType<typeof scripts>>

async function services(pairs: number) {
  const env = { DATABASE_URL: database.url, PREAMBLE_HOME: home }
  const start = (service: string) =>
    startService(join(import.meta.dirname, `../services/${service}/main.ts`), env)
  const [ingest, convert] = [await start('ingest'), await start('convert')]
  try {
    const begin = performance.now()
    const file = await uploadFile(connect(ingest.url), corpus)
    const uploaded = performance.now()
    const dataset = await makeDataset(connect(convert.url), file.id, {})
    const end = performance.now()
    if (dataset.counts.total !== pairs)
      throw new Error(`of ${pairs} pairs ${dataset.counts.total} were found`)
    const [upload, conversion] = [uploaded - begin, end - uploaded]
    const memory = { ingest: ingest.above(), convert: convert.above() }
    await connect(convert.url).delete(`v1/datasets/${dataset.id}`)
    await connect(ingest.url).delete(`v1/files/${file.id}`)
    return { upload, convert: conversion, ms: upload + conversion, memory, idle: ingest.idle }
  } finally {
    await ingest.stop()
    await convert.stop()
  }
}

async function scripts() {
  const place = join(home, 'python')
  mkdirSync(place)
  const [simple, train, dev] = ['simple', 'train', 'dev'].map((name) => join(place, `${name}.json`)) as [
    ...[string, string, string],
  ]
  const script = (name: string, ...args: string[]) =>
    runWatched('python3', [join(import.meta.dirname, 'peer/convert', name), ...args])
  const first = await script('to_simple.py', corpus, simple)
  const second = await script('to_conversations.py', simple, train, dev)
  rmSync(place, { recursive: true })
  return { first, second, ms: first.ms + second.ms, peak: Math.max(first.peak, second.peak) }
}

function report(bytes: number, here: Here[], python: Python[]): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const speed = (ms: number) => `${(bytes / 1e3 / ms).toFixed(1)} MB/s`
  const mega = (n: number) => `${(n / 1e6).toFixed(0)} MB`
  const most = (of: (round: Here) => number) => Math.max(...here.map(of))
  const mid = (of: (round: Here) => number) => median(here.map(of))
  const [ours, theirs] = [mid(({ ms }) => ms), median(python.map(({ ms }) => ms))]
  const memory = { ingest: most((r) => r.memory.ingest), convert: most((r) => r.memory.convert) }
  console.log(`upload   ${seconds(mid((r) => r.upload))}, ingest ${mega(memory.ingest)} above idle`)
  console.log(`convert  ${seconds(mid((r) => r.convert))}, convert ${mega(memory.convert)} above idle`)
  console.log(`both     ${seconds(ours)}, ${speed(ours)}`)
  const parts = python.map(({ first, second }) => `${seconds(first.ms)} + ${seconds(second.ms)}`).join('; ')
  console.log(
    `python   ${seconds(theirs)} (${parts}), ${speed(theirs)}, ${mega(Math.max(...python.map(({ peak }) => peak)))} at most`,
  )
  const ratio = theirs / ours
  console.log(
    `ratio    ${ratio.toFixed(2)} ×, the bar is ${bars.ratio} ×; memory above idle: at most ${mega(bars.memory)}`,
  )
  if (ratio < bars.ratio || Math.max(memory.ingest, memory.convert) > bars.memory) process.exitCode = 1
}
