/** Reading an object to its end, also over connections that break. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { ObjectNotFound, type Range } from '../store.ts'
import { type Bucket, isMissing } from './bucket.ts'
import { base64 } from './upload.ts'

type Chunk = Uint8Array<ArrayBuffer>

const retries = 4 // in a row without a byte between them

/** Throws `ObjectNotFound` before the stream begins, and in it when what came is not what was written. */
export async function read(bucket: Bucket, key: string, range?: Range): Promise<ReadableStream<Chunk>> {
  const get = (asked: { Range?: string; IfMatch?: string | undefined }) => {
    const target = { Bucket: bucket.name, Key: bucket.prefix + key }
    return bucket.client.send(new GetObjectCommand({ ...target, ChecksumMode: 'ENABLED', ...asked }))
  }
  const answer = await get(range ? { Range: `bytes=${range.from}-${range.to - 1}` } : {}).catch(
    (error: unknown) => {
      throw isMissing(error) ? new ObjectNotFound(key) : error
    },
  )
  return Readable.toWeb(Readable.from(toTheEnd(key, range, answer, get))) as ReadableStream<Chunk>
}

async function* toTheEnd(
  key: string,
  range: Range | undefined,
  { ContentLength: bytes, ChecksumCRC32, ETag, Body }: GetObjectCommandOutput,
  get: (range: { Range: string; IfMatch: string | undefined }) => Promise<GetObjectCommandOutput>,
): AsyncGenerator<Chunk> {
  const from = range?.from ?? 0
  let at = 0
  let sum = 0
  let body = Body
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of body as AsyncIterable<Chunk>) {
        at += chunk.length
        sum = crc32(chunk, sum)
        failures = 0
        yield chunk
      }
      break
    } catch (error) {
      if (at === bytes || failures === retries) throw error
      await sleep(Math.random() * 100 * 2 ** failures++) // ms
      // The rest of the very same object: one that has replaced it since is refused.
      body = (await get({ Range: `bytes=${from + at}-${range ? range.to - 1 : ''}`, IfMatch: ETag })).Body
    }
  }
  // A server may keep no checksum, or one for each part (told by a dash), which says nothing of the whole; none is of a range.
  const known = !range && ChecksumCRC32 !== undefined && !ChecksumCRC32.includes('-')
  if (at !== bytes || (known && base64(sum) !== ChecksumCRC32))
    throw new Error(`the object "${key}" did not arrive as it was written: its checksum differs`)
}
