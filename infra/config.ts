/** The configuration: environment variables, read once. */
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { Device } from '../contract/device.ts'
import { WeightForms } from '../contract/weights.ts'
import { readRanges } from './addresses.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30
const ownModels = resolve(fileURLToPath(import.meta.url), '../../models')

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((n) => n >= min && n <= max)

/** Each variable: its schema, which also gives the default, and what a wrong value is answered with. */
const variables = {
  PORT: { schema: whole(0, 65535).default(8080), expected: 'a port from 0 to 65535 (0: any free one)' },
  PREAMBLE_PROBE_PORT: {
    schema: whole(0, 65535).optional(),
    expected: 'a port from 0 to 65535 (0: any free one)',
  },
  HOST: { schema: z.string().default('127.0.0.1'), expected: 'an address to listen on' },
  PREAMBLE_HOME: {
    schema: z
      .string()
      .default('.preamble')
      .transform((path) => resolve(path)),
    expected: 'a directory',
  },
  DATABASE_URL: {
    schema: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    expected: 'a URL such as postgres://user@host:5432/name',
    secret: true,
  },
  STORAGE_URL: {
    schema: z.url().optional(),
    expected: 'a URL such as file:///var/lib/preamble/objects or s3://bucket/prefix?region=…',
    secret: true,
  },
  MODELS: {
    schema: z
      .string()
      .default(ownModels)
      .transform((path) => resolve(path)),
    expected: 'a directory of base models',
  },
  HF_ENDPOINT: {
    schema: z
      .url({ protocol: /^https?$/ })
      .default('https://huggingface.co')
      .transform((url) => url.replace(/\/+$/, '')),
    expected: 'the URL of a hub',
  },
  HF_TOKEN: {
    schema: z.string().regex(/^\S+$/).optional(),
    expected: 'a token without spaces',
    secret: true,
  },
  PREAMBLE_MEMORY: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    expected: 'a whole number of bytes, at least 1',
  },
  PREAMBLE_KV_BYTES: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    expected: 'a whole number of bytes, at least 1',
  },
  PREAMBLE_WEIGHTS: {
    schema: WeightForms.optional(),
    expected: 'float32, stored, int8 or int4, or such a form for each of some models, as in a=int4,b=float32',
  },
  PREAMBLE_DEVICE: { schema: Device.default('cpu'), expected: 'cpu, webgpu or cuda' },
  PREAMBLE_REQUEST_TIMEOUT: {
    schema: whole(1, 86_400).default(600),
    expected: 'whole seconds from 1 to 86400',
  },
  PREAMBLE_DRAIN_TIMEOUT: { schema: whole(0, 3600).default(30), expected: 'whole seconds from 0 to 3600' },
  PREAMBLE_ADAPTER_BYTES: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).default(4 * GiB),
    expected: 'a whole number of bytes, at least 1',
  },
  PREAMBLE_COPY_BYTES: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).default(64 * GiB),
    expected: 'a whole number of bytes, at least 1',
  },
  PREAMBLE_WEBHOOK_ALLOW: {
    schema: z
      .string()
      .default('')
      .transform(readRanges)
      .refine((ranges) => ranges !== undefined),
    expected: 'ranges such as 10.1.0.0/16,fd00::/8, or private',
  },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    expected: 'trace, debug, info, warn, error, fatal or silent',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: z.url({ protocol: /^https?$/ }).optional(),
    expected: 'the URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318',
    secret: true,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: z
      .string()
      .regex(/^[\d.]+$/)
      .transform(Number)
      .refine((share) => share <= 1)
      .default(1),
    expected: 'a share from 0 to 1',
  },
  MAX_FILE_BYTES: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).default(512 * MiB),
    expected: 'a whole number of bytes, at least 1',
  },
  MAX_UPLOAD_BYTES: {
    schema: whole(1, Number.MAX_SAFE_INTEGER).default(8 * GiB),
    expected: 'a whole number of bytes, at least 1',
  },
} as const

export type Config = {
  port: number
  /** Where workers tell how they are; undefined: nowhere. */
  probePort: number | undefined
  host: string
  /** Where everything of ours lives unless a URL says otherwise; absolute. */
  home: string
  /** Undefined: the embedded Postgres under `home`. */
  databaseUrl: string | undefined
  storageUrl: string
  /** Bytes of local copies of what lies in storage that is far away; those in use may take more. */
  copyBytes: number
  /** The directory of the base models, one directory each. */
  models: string
  /** Where base models are pulled from, and the token that opens it. */
  hub: { endpoint: string; token: string | undefined }
  /** What bases serve with: bytes for the keys and values of all, the directory of quantised weights. */
  serving: { cacheBytes: number | undefined; quantized: string }
  /** The form of their weights; undefined: what its size suggests. */
  weights: WeightForms | undefined
  /** Where jobs are trained that do not say where. */
  device: Device
  /** Bytes that a job may take; undefined: most of what the machine has. */
  memory: number | undefined
  /** How long an answer may be generated, in ms. */
  requestTimeout: number
  /** How long what runs may go on when the process is told to stop, in ms. */
  drainTimeout: number
  /** Bytes of adapters that are kept in memory; those in use may take more. */
  adapterBytes: number
  /** Ranges of addresses that are not public and that webhooks may go to. */
  webhookAllow: readonly string[]
  /** The share of traces that is sent to a collector, whose address OpenTelemetry reads itself; undefined: none is. */
  traces: { share: number } | undefined
  logLevel: z.infer<typeof variables.LOG_LEVEL.schema>
  /** The largest file that comes in one request, and in parts. */
  maxFileBytes: number
  maxUploadBytes: number
}

/** Reads the configuration; an empty variable counts as unset. Throws an error that names every wrong variable. */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const wrong: string[] = []
  const read = <N extends keyof typeof variables>(name: N) => {
    const { schema, expected, ...rest } = variables[name]
    const value = env[name] || undefined
    const result = schema.safeParse(value)
    // A URL may carry a password, and errors end up in logs.
    const shown = 'secret' in rest ? 'its value' : JSON.stringify(value)
    if (!result.success) wrong.push(`${name}: ${shown} is not valid; expected ${expected}`)
    return result.data as z.infer<(typeof variables)[N]['schema']>
  }
  const home = read('PREAMBLE_HOME')
  const config: Config = {
    port: read('PORT'),
    probePort: read('PREAMBLE_PROBE_PORT'),
    host: read('HOST'),
    home,
    databaseUrl: read('DATABASE_URL'),
    storageUrl: read('STORAGE_URL') ?? (home && pathToFileURL(resolve(home, 'objects')).href),
    copyBytes: read('PREAMBLE_COPY_BYTES'),
    models: read('MODELS'),
    hub: { endpoint: read('HF_ENDPOINT'), token: read('HF_TOKEN') },
    serving: { cacheBytes: read('PREAMBLE_KV_BYTES'), quantized: resolve(home, 'quantized') },
    weights: read('PREAMBLE_WEIGHTS'),
    device: read('PREAMBLE_DEVICE'),
    memory: read('PREAMBLE_MEMORY'),
    requestTimeout: read('PREAMBLE_REQUEST_TIMEOUT') * 1000,
    drainTimeout: read('PREAMBLE_DRAIN_TIMEOUT') * 1000,
    adapterBytes: read('PREAMBLE_ADAPTER_BYTES'),
    webhookAllow: read('PREAMBLE_WEBHOOK_ALLOW') ?? [],
    traces: read('OTEL_EXPORTER_OTLP_ENDPOINT') ? { share: read('OTEL_TRACES_SAMPLER_ARG') } : undefined,
    logLevel: read('LOG_LEVEL'),
    maxFileBytes: read('MAX_FILE_BYTES'),
    maxUploadBytes: read('MAX_UPLOAD_BYTES'),
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return config
}
