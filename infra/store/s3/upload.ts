/** Writing an object: in one request when it is small, else in parts that become an object all at once. */
import { crc32 } from 'node:zlib'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  NoSuchUpload,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { Bytes } from '../store.ts'
import type { Bucket } from './bucket.ts'

const partBytes = 16 * 2 ** 20 // S3 takes 10,000 parts: objects of up to 156 GiB
const together = 2 // parts on their way beside the one being filled: 48 MiB in memory for each upload

/** The server compares every request with its checksum, and the whole object with that of all bytes. */
export async function upload(bucket: Bucket, key: string, content: Bytes): Promise<{ bytes: number }> {
  const parts = inParts(content)
  const first = (await parts.next()).value
  const target = { Bucket: bucket.name, Key: bucket.prefix + key }
  if (first && first.length === partBytes) return uploadParts(bucket, target, first, parts)
  const body = first ?? Buffer.alloc(0)
  await bucket.client.send(
    new PutObjectCommand({ ...target, Body: body, ChecksumCRC32: base64(crc32(body)) }),
  )
  return { bytes: body.length }
}

type Target = { Bucket: string; Key: string }
type Parts = AsyncGenerator<Buffer, undefined>

async function uploadParts({ client }: Bucket, target: Target, first: Buffer, rest: Parts) {
  const kind = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target, ...kind }))
  const sent: Promise<CompletedPart>[] = []
  let bytes = 0
  let sum = 0
  const send = async (PartNumber: number, Body: Buffer): Promise<CompletedPart> => {
    const ChecksumCRC32 = base64(crc32(Body))
    const part = { ...target, UploadId, PartNumber, Body, ChecksumCRC32 }
    const { ETag } = await client.send(new UploadPartCommand(part))
    return { PartNumber, ETag, ChecksumCRC32 }
  }
  const add = (body: Buffer) => {
    bytes += body.length
    sum = crc32(body, sum)
    const part = send(sent.length + 1, body)
    part.catch(() => {}) // heard of below
    sent.push(part)
  }
  try {
    add(first)
    for await (const part of rest) {
      await sent.at(-together)
      add(part)
    }
    const whole = { Parts: await Promise.all(sent) }
    const ChecksumCRC32 = base64(sum)
    const { ChecksumType } = kind
    const complete = { ...target, UploadId, MultipartUpload: whole, ChecksumType, ChecksumCRC32 }
    await client.send(new CompleteMultipartUploadCommand(complete)).catch(async (error: unknown) => {
      // Also what a second try is told after an answer that got lost: the object is there then.
      if (!(error instanceof NoSuchUpload)) throw error
      const found = await client.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }))
      if (found.ContentLength !== bytes || found.ChecksumCRC32 !== ChecksumCRC32) throw error
    })
    return { bytes }
  } catch (error) {
    await Promise.allSettled(sent)
    // Should this fail too, the bucket's rule for uploads that are not completed removes the parts.
    await client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => {})
    throw error
  }
}

/** The bytes in parts of `partBytes`; the last one has what is left, if anything. */
async function* inParts(content: Bytes): Parts {
  let chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + partBytes - bytes)
      chunks.push(piece)
      bytes += piece.length
      from += piece.length
      if (bytes < partBytes) continue
      yield Buffer.concat(chunks)
      chunks = []
      bytes = 0
    }
  }
  if (bytes > 0) yield Buffer.concat(chunks)
}

/** A checksum as S3 writes it: four bytes, the highest first. */
export function base64(sum: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(sum)
  return bytes.toString('base64')
}
