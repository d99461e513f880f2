/** From a file on this machine to one on the server, straight from the disk. */
import { basename } from 'node:path'
import type { FileObject } from '../../contract/file.ts'
import { maxPartBytes, type Upload, type UploadPart } from '../../contract/upload.ts'
import type { Api } from './api.ts'
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
  if (content.size > maxPartBytes) return uploadParts(api, content, filename, onPart)
  const form = new FormData()
  form.set('purpose', 'fine-tune')
  form.set('file', content, filename)
  return api.postForm<FileObject>('v1/files', form)
}

async function uploadParts(
  api: Api,
  content: Blob,
  filename: string,
  onPart: (done: number, total: number) => void,
): Promise<FileObject> {
  const { size: bytes } = content
  const request = { filename, purpose: 'fine-tune', bytes, mime_type: 'text/plain' }
  const { id } = await api.post<Upload>('v1/uploads', request)
  const part_ids: string[] = Array(Math.ceil(bytes / maxPartBytes)).fill('')
  const waiting = part_ids.keys()
  let done = 0
  async function send(): Promise<void> {
    for (const i of waiting) {
      const form = new FormData()
      const part = content.slice(i * maxPartBytes, (i + 1) * maxPartBytes)
      form.set('data', part, filename)
      part_ids[i] = (await api.postForm<UploadPart>(`v1/uploads/${id}/parts`, form)).id
      done += part.size
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
