import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { arrayBuffer } from 'node:stream/consumers'
import {
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { checkKey, ObjectNotFound, type Store } from '../store.ts'
import { type Bucket, explained, isMissing } from './bucket.ts'
import { localCopies, type Tagged } from './local-copies.ts'
import { read } from './read.ts'
import { upload } from './upload.ts'

/**
 * Objects in a bucket of S3 or of a server that speaks like it.
 * @param cache an absolute directory for local copies of what has to be read in place, which have `copyBytes` at most
 */
export function s3Store(bucket: Bucket, cache: string, copyBytes = Number.POSITIVE_INFINITY): Store {
  const { client, name: Bucket, prefix } = bucket
  const copies = localCopies(cache, copyBytes)

  /** What the server tells of objects below `key/`: of those directly below it, or of all however deep. */
  async function* listed(key: string, depth: 'direct' | 'all') {
    const Prefix = `${prefix}${key}/`
    const options = { Bucket, Prefix, Delimiter: depth === 'direct' ? '/' : undefined }
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, options)) {
      for (const { Key, ...known } of Contents) yield { name: Key!.slice(Prefix.length), ...known }
    }
  }

  async function below(key: string, depth: 'direct' | 'all'): Promise<Tagged[]> {
    const found: Tagged[] = []
    for await (const { name, ETag } of listed(key, depth)) found.push({ name, tag: ETag! })
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async function deleteAll(keys: readonly string[]) {
    const most = 1000 // in one request
    for (let from = 0; from < keys.length; from += most) {
      const Objects = keys.slice(from, from + most).map((key) => ({ Key: prefix + key }))
      const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })
      const [failed] = (await client.send(command)).Errors ?? []
      if (failed)
        throw new Error(`cannot delete the object "${failed.Key}": ${failed.Code} ${failed.Message}`)
    }
  }

  return {
    async put(key, content) {
      checkKey(key)
      return upload(bucket, key, content)
    },
    async putBytes(key, content) {
      checkKey(key)
      return upload(bucket, key, Readable.from([content]))
    },
    async get(key, range) {
      checkKey(key)
      return read(bucket, key, range)
    },
    async bytes(key) {
      checkKey(key)
      return Buffer.from(await arrayBuffer(await read(bucket, key)))
    },
    async exists(key) {
      checkKey(key)
      try {
        await client.send(new HeadObjectCommand({ Bucket, Key: prefix + key }))
        return true
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
    },
    async list(key) {
      checkKey(key)
      return (await below(key, 'direct')).map(({ name }) => name)
    },
    async *walk(key) {
      checkKey(key)
      for await (const { name, Size, LastModified } of listed(key, 'all'))
        yield { key: `${key}/${name}`, bytes: Size!, since: LastModified! }
    },
    async adopt(key, path) {
      checkKey(key)
      await upload(bucket, key, createReadStream(path))
    },
    async directory(key, { stays, names } = {}) {
      checkKey(key)
      const all = await below(key, 'direct')
      const objects = names ? all.filter(({ name }) => names.includes(name)) : all
      const missing = names?.find((name) => all.every((object) => object.name !== name))
      if (missing !== undefined) throw new ObjectNotFound(`${key}/${missing}`)
      if (objects.length === 0) throw new ObjectNotFound(key)
      return copies.directory(key, objects, (name) => read(bucket, `${key}/${name}`), stays)
    },
    async delete(key) {
      checkKey(key)
      const names = (await below(key, 'all')).map(({ name }) => `${key}/${name}`)
      await deleteAll([key, ...names])
      await copies.remove(key)
    },
    async check() {
      await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 })).catch((error) => {
        throw explained(bucket, error)
      })
    },
  }
}
