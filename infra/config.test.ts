import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { createLog } from './log.ts'

test('without any variable the server listens on the loopback address and stores under .preamble', () => {
  expect(readConfig({})).toEqual({
    port: 8080,
    host: '127.0.0.1',
    home: resolve('.preamble'),
    databaseUrl: undefined,
    storageUrl: `file://${resolve('.preamble/objects')}`,
    copyBytes: 68719476736,
    models: resolve('models'),
    hub: { endpoint: 'https://huggingface.co', token: undefined },
    serving: { quantized: resolve('.preamble/quantized') },
    device: 'cpu',
    requestTimeout: 600_000,
    drainTimeout: 30_000,
    adapterBytes: 4294967296,
    webhookAllow: [],
    logLevel: 'info',
    maxFileBytes: 536870912,
    maxUploadBytes: 8589934592,
  })
})

test('an empty variable is an unset one', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '' })).toEqual(readConfig({}))
})

test('an error names each wrong variable, its value and what was expected', () => {
  expect(() =>
    readConfig({ PORT: '80a', LOG_LEVEL: 'loud', PREAMBLE_DEVICE: 'gpu', MAX_FILE_BYTES: '0' }),
  ).toThrow(
    [
      'PORT: "80a" is not valid; expected a port from 0 to 65535 (0: any free one)',
      'PREAMBLE_DEVICE: "gpu" is not valid; expected cpu, webgpu or cuda',
      'LOG_LEVEL: "loud" is not valid; expected trace, debug, info, warn, error, fatal or silent',
      'MAX_FILE_BYTES: "0" is not valid; expected a whole number of bytes, at least 1',
    ].join('\n'),
  )
})

test('weights have one form for all, or a form by model', () => {
  const weights = (text: string) => readConfig({ PREAMBLE_WEIGHTS: text }).weights
  expect(weights('int4')).toEqual({ named: new Map(), others: 'int4' })
  expect(weights('THUDM/chatglm3-6b=int4, stored,ft:tiny::a1=float32')).toEqual({
    named: new Map([
      ['THUDM/chatglm3-6b', 'int4'],
      ['ft:tiny::a1', 'float32'],
    ]),
    others: 'stored',
  })
  for (const wrong of ['int3', 'tiny=', '=int4', 'tiny', 'int4,', 'int4,int8', 'a=int4,a=int8'])
    expect(() => weights(wrong)).toThrow(
      /^PREAMBLE_WEIGHTS: "\S+" is not valid; expected float32, stored, int8/,
    )
})

test('a wrong DATABASE_URL is not repeated: it may hold a password', () => {
  expect(() => readConfig({ DATABASE_URL: 'mysql://u:hunter2@h/d' })).toThrow(
    /^DATABASE_URL: its value is not valid; expected a URL such as postgres:/,
  )
})

test('a log line is JSON and shows no authorization', () => {
  const lines: string[] = []
  const log = createLog({ name: 'ingest', level: 'info' }, { write: (line) => lines.push(line) })
  log.child({ request: 'r1' }).info({ headers: { authorization: 'Bearer sk-1' } }, 'request')
  log.debug('too quiet')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({
    name: 'ingest',
    request: 'r1',
    headers: { authorization: '[Redacted]' },
  })
})
