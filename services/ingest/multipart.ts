/** Reads a multipart form whose one file is passed on while it arrives. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { ApiError } from '../../contract/errors.ts'

export type Form = {
  fields: Map<string, string>
  /** The name that the client gave the file; undefined when there was no file. */
  filename: string | undefined
}

/**
 * Hands the form's part `file` to `take` as it arrives; what `take` throws is thrown once the request is read to its
 * end, so that the client gets to read the answer.
 * @throws ApiError when the request is no such form or the file is larger than `maxBytes`
 */
export async function readForm(
  request: Request,
  maxBytes: number,
  take: (content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<Form> {
  const form: Form = { fields: new Map(), filename: undefined }
  const parser = openParser(request, maxBytes)
  let current: BusboyFileStream | undefined
  let taken: Promise<unknown> = Promise.resolve()
  parser.on('field', (name, value) => form.fields.set(name, value))
  parser.on('file', (name, stream, filename) => {
    if (name !== 'file' || current) return void stream.resume()
    current = stream
    form.filename = filename
    // Settled below; until then a rejection must not count as unhandled.
    taken = take(whole(stream, maxBytes)).catch((error: unknown) => {
      stream.resume()
      return error
    })
  })
  try {
    await pipeline(Readable.fromWeb(request.body as NodeReadableStream), parser)
  } catch (error) {
    current?.destroy(error as Error)
    await taken
    throw new ApiError('invalid_value', 'the upload ended before it was complete; send it again', {
      cause: error,
    })
  }
  const failure = await taken
  if (failure !== undefined) throw failure
  return form
}

function openParser(request: Request, maxBytes: number): BusboyInstance {
  const headers = Object.fromEntries(request.headers) as BusboyHeaders
  try {
    if (!request.body) throw new Error('there is no body')
    // One byte more than is taken tells a file of the largest size from a larger one.
    return new Busboy({
      headers,
      limits: { fileSize: maxBytes + 1, fieldSize: 64 * 1024, fields: 20, files: 2 },
    })
  } catch (error) {
    throw new ApiError(
      'invalid_value',
      'expected a multipart/form-data body with the parts "file" and "purpose"',
      {
        cause: error,
      },
    )
  }
}

async function* whole(stream: BusboyFileStream, maxBytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) yield chunk as Uint8Array
  if (stream.truncated || stream.bytesRead > maxBytes)
    throw new ApiError(
      'file_too_large',
      `the file is larger than the ${maxBytes} bytes that this server takes (MAX_FILE_BYTES)`,
      {
        param: 'file',
      },
    )
}
