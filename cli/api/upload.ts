/** From a file on this machine to one on the server, straight from the disk. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { FileObject } from '../../contract/file.ts'
import { maxPartBytes, type Upload, type UploadPart } from '../../contract/upload.ts'
import type { Api, FormStream } from './api.ts'
import { blobOf } from './blob.ts'

/** Parts on their way at the same time. */
const together = 3

/** A file that is larger than a part of an upload goes in parts; `onPart` is told of each one that has arrived. */
export async function uploadFile(
  api: Api,
  path: string,
  onPart: (done: number, total: number) => void = () => {},
): Promise<FileObject> {
  const content = await blobOf(path)
  const filename = basename(path)
  if (content.size > maxPartBytes) return uploadParts(api, path, content.size, onPart)
  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', content, filename)
  return api.postForm<FileObject>('v1/files', form)
}

async function uploadParts(
  api: Api,
  path: string,
  bytes: number,
  onPart: (done: number, total: number) => void,
): Promise<FileObject> {
  const request = { filename: basename(path), purpose: 'fine-tune', bytes, mime_type: 'text/plain' }
  const { id } = await api.post<Upload>('v1/uploads', request)
  const part_ids: string[] = Array(Math.ceil(bytes / maxPartBytes)).fill('')
  const waiting = part_ids.keys()
  let done = 0
  async function send(): Promise<void> {
    for (const i of waiting) {
      const [from, to] = [i * maxPartBytes, Math.min((i + 1) * maxPartBytes, bytes)]
      part_ids[i] = (await api.postForm<UploadPart>(`v1/uploads/${id}/parts`, partOf(path, from, to))).id
      done += to - from
      onPart(done, bytes)
    }
  }
  try {
    await Promise.all(Array.from({ length: together }, send))
    const { file } = await api.post<Upload>(`v1/uploads/${id}/complete`, { part_ids })
    return file!
  } catch (error) {
    await api.post(`v1/uploads/${id}/cancel`).catch(() => {}) // what broke off is told, not what was left
    throw error
  }
}

/** The form with a part of the file. It comes from the disk in larger pieces, and with less work, than a Blob would. */
function partOf(path: string, from: number, to: number): FormStream {
  const boundary = crypto.randomUUID()
  async function* content() {
    yield Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="data"; filename="part"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    )
    yield* createReadStream(path, { start: from, end: to - 1, highWaterMark: 2 ** 18 })
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }
  return { boundary, content: content() }
}
