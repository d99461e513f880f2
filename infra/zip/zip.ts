import { Uint8ArrayReader, ZipWriter } from '@zip.js/zip.js'

export type ZipFile = { name: string; content: Uint8Array | ReadableStream<Uint8Array> }

/**
 * A zip file as a stream, made while it is read. Nothing is compressed: tensors hardly shrink. The same files and date
 * give the same bytes. What goes wrong with a file's content breaks the stream off.
 */
export function zip(files: readonly ZipFile[], date: Date): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>()
  void write(files, date, writable).catch((error: unknown) => writable.abort(error).catch(() => {}))
  return readable
}

async function write(files: readonly ZipFile[], date: Date, to: WritableStream): Promise<void> {
  const writer = new ZipWriter(to, {
    level: 0,
    lastModDate: date,
    extendedTimestamp: false,
    useWebWorkers: false,
  })
  for (const { name, content } of files)
    await writer.add(name, content instanceof Uint8Array ? new Uint8ArrayReader(content) : content)
  await writer.close()
}
