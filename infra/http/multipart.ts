/** Reads a multipart form whose files are passed on while they arrive. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { ApiError } from '../../contract/errors.ts'
import { fromUnstorable } from './errors.ts'
import { findUnstorable } from './unstorable.ts'

export type Form = {
  fields: Map<string, string>
  /** The names that the client gave the files, in the order of the form. */
  filenames: string[]
}

export type FormLimits = {
  /** What the parts with files are called. */
  part: string
  /** Of one file; `tooLarge` is what is said of a larger one. */
  maxBytes: number
  tooLarge: string
  /** Files beyond this number are left aside, as are those in parts of other names. */
  maxFiles: number
}

/**
 * Hands the form's files to `take` as they arrive, one after the other; what `take` throws is thrown once the
 * request is read to its end, so that the client gets to read the answer.
 * @throws ApiError when the request is no such form or a file is larger than `maxBytes`
 */
export async function readForm(
  request: Request,
  limits: FormLimits,
  take: (content: AsyncIterable<Uint8Array>, filename: string) => Promise<void>,
): Promise<Form> {
  const form: Form = { fields: new Map(), filenames: [] }
  const parser = openParser(request, limits)
  let current: BusboyFileStream | undefined
  const failures: unknown[] = []
  const taking: Promise<void>[] = []
  parser.on('field', (name, value) => form.fields.set(name, value))
  parser.on('file', (name, stream, filename) => {
    if (name !== limits.part || taking.length === limits.maxFiles || failures.length > 0)
      return void stream.resume()
    current = stream
    form.filenames.push(filename)
    // Settled below; until then a rejection must not count as unhandled.
    const taken = take(whole(stream, limits), filename).catch((error: unknown) => {
      failures.push(error)
      stream.resume()
    })
    taking.push(taken)
  })
  try {
    await pipeline(Readable.fromWeb(request.body as NodeReadableStream), parser)
  } catch (error) {
    current?.destroy(error as Error)
    await Promise.all(taking)
    throw new ApiError('invalid_value', 'the upload ended before it was complete; send it again', {
      cause: error,
    })
  }
  await Promise.all(taking)
  if (failures.length > 0) throw failures[0]
  const unstorable = findUnstorable({ ...Object.fromEntries(form.fields), file: form.filenames })
  if (unstorable) throw fromUnstorable(unstorable)
  return form
}

function openParser(request: Request, { part, maxBytes, maxFiles }: FormLimits): BusboyInstance {
  const headers = Object.fromEntries(request.headers) as BusboyHeaders
  try {
    if (!request.body) throw new Error('there is no body')
    // One byte more than is taken tells a file of the largest size from a larger one.
    return new Busboy({
      headers,
      limits: { fileSize: maxBytes + 1, fieldSize: 64 * 1024, fields: 20, files: maxFiles + 1 },
    })
  } catch (error) {
    throw new ApiError('invalid_value', `expected a multipart/form-data body with a part "${part}"`, {
      cause: error,
    })
  }
}

async function* whole(
  stream: BusboyFileStream,
  { part, maxBytes, tooLarge }: FormLimits,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield chunk as Uint8Array
  if (stream.truncated || stream.bytesRead > maxBytes)
    throw new ApiError('file_too_large', tooLarge, { param: part })
}
