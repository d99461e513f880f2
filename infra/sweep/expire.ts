/** What was to stay for some time only. Nobody gets it any more once that is over; here it goes from database and store. */
import { and, eq, inArray, lte, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { isFree } from '../db/lease.ts'
import { files, uploadParts, uploads } from '../db/tables/index.ts'
import { forgetAnswers } from '../http/kept-answers.ts'
import type { Store } from '../store/store.ts'

/** @returns the keys of what was removed from the store */
export async function expire({ db, store }: { db: Database; store: Store }): Promise<string[]> {
  await forgetAnswers(db)
  const keys = [...(await expireFiles(db)), ...(await expireUploads(db))]
  // After their rows: what is left when this process dies here is an object that no row names.
  for (const key of keys) await store.delete(key)
  return keys
}

async function expireFiles(db: Database): Promise<string[]> {
  const gone = await db
    .delete(files)
    .where(lte(files.expiresAt, sql`now()`))
    .returning({ key: files.objectKey })
  return gone.map(({ key }) => key)
}

/** One that is being completed will have become a file. */
async function expireUploads(db: Database): Promise<string[]> {
  const over = and(
    eq(uploads.status, 'pending'),
    lte(uploads.expiresAt, sql`now()`),
    isFree(uploads.leaseUntil),
  )
  return db.transaction(async (tx) => {
    const gone = await tx.update(uploads).set({ status: 'expired' }).where(over).returning({ id: uploads.id })
    const ids = gone.map(({ id }) => id)
    await tx.delete(uploadParts).where(inArray(uploadParts.uploadId, ids))
    return ids.map((id) => `uploads/${id}`)
  })
}
