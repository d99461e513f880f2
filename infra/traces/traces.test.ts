/** What a process loads, sends and says, with traces and without. */
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCollector } from '../../test/otlp.case.ts'

let collector: Awaited<ReturnType<typeof startCollector>>
beforeAll(async () => {
  collector = await startCollector()
})
afterAll(() => collector.close())

const file = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
/** Tells every package that is loaded. */
const hooks = `
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(name, context, next) {
      if (name.startsWith('@')) console.error('loaded', name)
      return next(name, context)
    },
  })`
/** Does something that succeeds and something that fails, and stops. */
const program = `
  const { runProcess } = await import(${file('../process.ts')})
  const { inSpan } = await import(${file('./spans.ts')})
  await runProcess('probe', async ({ log }) => {
    await inSpan('work', { 'preamble.step': 3 }, async () => log.info('within'))
    await inSpan('worse', {}, async () => {
      throw Object.assign(new Error('a piece of a corpus'), { code: 'bad_corpus' })
    }).catch(() => {})
    setTimeout(() => process.kill(process.pid, 'SIGTERM'))
  })`

type Line = { msg: string; level: number; trace_id?: string; reason?: string }

function run(env: Record<string, string>) {
  return new Promise<{ code: number; log: Line[]; loaded: string[] }>((resolve) => {
    const data = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`
    const words = ['--import', data(hooks), '--input-type=module', '--eval', program]
    const child = execFile(process.execPath, words, { env: { ...process.env, ...env } }, (_, out, err) => {
      const lines = out.trim().split('\n')
      const loaded = err.split('\n').flatMap((line) => line.match(/^loaded (@opentelemetry\/.*)/)?.[1] ?? [])
      resolve({ code: child.exitCode!, log: lines.map((line) => JSON.parse(line)), loaded })
    })
  })
}
const lineOf = (log: Line[], said: string) => log.find(({ msg }) => msg === said)

test('without an address nothing but the interface is loaded, and nothing is said', async () => {
  const { code, log, loaded } = await run({})
  expect([code, new Set(loaded)]).toEqual([0, new Set(['@opentelemetry/api'])])
  expect(lineOf(log, 'within')).not.toHaveProperty('trace_id')
})

test('with one, what was done is sent before the process ends, errors by their code only', async () => {
  const { code, log, loaded } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint })
  expect([code, loaded.includes('@opentelemetry/sdk-trace')]).toEqual([0, true])
  const [work, worse] = collector.spans
  expect(work).toMatchObject({ name: 'work', service: 'probe', attributes: { 'preamble.step': 3 } })
  expect(worse).toMatchObject({
    name: 'worse',
    attributes: { 'error.type': 'bad_corpus' },
    status: { code: 2 },
  })
  expect(collector.raw.join('')).not.toContain('a piece of a corpus')
  expect(lineOf(log, 'within')).toMatchObject({ trace_id: work!.traceId, span_id: work!.spanId })
})

test('a share of none keeps no trace, and names go before ours', async () => {
  const before = collector.spans.length
  const address = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }
  await run({ ...address, OTEL_TRACES_SAMPLER_ARG: '0' })
  expect(collector.spans).toHaveLength(before)
  await run({ ...address, OTEL_SERVICE_NAME: 'ours' })
  expect(collector.spans.slice(before)).toMatchObject([{ service: 'ours' }, { service: 'ours' }])
})

test('a collector that is not there is a warning, and the process ends well', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '300' }
  const { code, log } = await run(env)
  expect(code).toBe(0)
  expect(lineOf(log, 'traces could not be sent')).toMatchObject({ level: 40, reason: expect.any(String) })
})
