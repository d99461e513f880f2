/** The bucket that a `STORAGE_URL` names, and what to say when it cannot be used. */
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { z } from 'zod'

export type Bucket = {
  client: S3Client
  name: string
  /** What all keys begin with: empty, or segments and a slash. */
  prefix: string
  /** For errors: who was asked. */
  where: string
}

const Options = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  region: z
    .string()
    .regex(/^[\w-]+$/)
    .default(() => process.env.AWS_REGION ?? 'us-east-1'),
  path_style: z.enum(['true', 'false']).default('false'),
})

const form = 's3://bucket/prefix?endpoint=https://…&region=…&path_style=true'
const prefixPattern = /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/

/**
 * Opens what the URL names; nothing is asked of the server yet. The keys are those that the AWS libraries find
 * everywhere, first of all in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: in the URL they could end up in a log.
 */
export function openBucket(url: URL): Bucket {
  if (url.username || url.password)
    throw new Error('STORAGE_URL: keys go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into the URL')
  const options = Options.safeParse(Object.fromEntries(url.searchParams))
  const prefix = url.pathname.replace(/^\/|\/$/g, '')
  if (!options.success || !url.host || (prefix && !prefixPattern.test(prefix)))
    throw new Error(`STORAGE_URL: its value is not valid; expected ${form}`)
  const { endpoint, region, path_style } = options.data
  const client = new S3Client({
    region,
    endpoint,
    forcePathStyle: path_style === 'true',
    // A second try follows connection errors, 429 and 5xx, after a wait that grows and is cast by lot.
    retryMode: 'standard',
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 5000, socketTimeout: 60_000 }, // ms; the second: without a byte
  })
  const where = endpoint ? `at ${new URL(endpoint).host}` : `in ${region}`
  return { client, name: url.host, prefix: prefix && `${prefix}/`, where }
}

/** True for what the server says of an object that it does not have. */
export const isMissing = (error: unknown) =>
  error instanceof S3ServiceException && ['NoSuchKey', 'NotFound'].includes(error.name)

/** The error as someone reads it who has set the variables wrong. It never holds the keys. */
export function explained({ name: bucket, where }: Bucket, error: unknown): Error {
  const { name, message } = error as Error
  const reasons: Record<string, string> = {
    NoSuchBucket: `there is no bucket "${bucket}" ${where}; create it, or correct STORAGE_URL`,
    InvalidAccessKeyId: `the server ${where} does not know the key in AWS_ACCESS_KEY_ID`,
    SignatureDoesNotMatch: `AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID ${where}`,
    AccessDenied: `the key in AWS_ACCESS_KEY_ID may not use the bucket "${bucket}" ${where}`,
    CredentialsProviderError: 'there are no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    PermanentRedirect: `the bucket "${bucket}" is in another region; give it as ?region=… in STORAGE_URL`,
    AuthorizationHeaderMalformed: `the server ${where} is in another region; give it as ?region=… in STORAGE_URL`,
  }
  const reason = reasons[name] ?? `the bucket "${bucket}" ${where} cannot be used: ${message || name}`
  return new Error(`storage: ${reason}`, { cause: error })
}
