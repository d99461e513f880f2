/** An id says what it names: `file-…` is no job. */
import { z } from 'zod'

const prefixes = {
  project: 'proj_',
  apiKey: 'key_',
  auditLog: 'audit_log-',
  file: 'file-',
  upload: 'upload_',
  part: 'part_',
  dataset: 'ds_',
  job: 'ftjob-',
  adapter: 'adapter_',
  event: 'ftevent-',
  checkpoint: 'ftckpt_',
  chatCompletion: 'chatcmpl-',
  completion: 'cmpl-',
  webhookEndpoint: 'whe_',
  webhookEvent: 'evt_',
  webhookDelivery: 'whd_',
} as const

export type IdKind = keyof typeof prefixes

/** The id of one kind of thing; no other kind's id compiles in its place. */
export type Id<K extends IdKind> = `${(typeof prefixes)[K]}${string}`

const alphabet = '0123456789abcdefghijklmnopqrstuv' // 32 letters: 5 bits each, no bias
const length = 24 // 24 × 5 = 120 random bits

/** A new random id, safe in URLs and file names. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return `${prefixes[kind]}${Array.from(bytes, (byte) => alphabet[byte & 31]).join('')}`
}

/** Whether `text` has the form of that kind's ids; whether the thing exists is another question. */
export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  return pattern(kind).test(text)
}

/** The schema of one kind of id. */
export function idOf<K extends IdKind>(kind: K): z.ZodType<Id<K>> {
  return z.string().regex(pattern(kind), `expected an id ${prefixes[kind]}…`) as unknown as z.ZodType<Id<K>>
}

function pattern(kind: IdKind): RegExp {
  return new RegExp(`^${prefixes[kind]}[0-9A-Za-z]{1,64}$`)
}
