/** The answers to requests that may be sent again, by their `Idempotency-Key`, for a day. */
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import type { Id } from '../../contract/ids.ts'
import type { Database, Transaction } from '../db/client.ts'
import { idempotencyKeys } from '../db/tables/index.ts'

/** `body` is null where it was a secret, which is shown once. */
export type Answer = { status: number; contentType: string; body: string | null }

/** The work on a request: whoever holds it renews it, and keeps or releases it at the end. */
export type Claim = { project: Id<'project'>; key: string; attempt: number }

export type Found =
  | { is: 'new'; claim: Claim }
  | { is: 'running' }
  | { is: 'done'; answer: Answer }
  | { is: 'other' }

/** For how long a process that says nothing counts as alive, in seconds; it renews three times as often. */
export const leaseSeconds = 30

const leaseEnd = sql`now() + ${leaseSeconds} * interval '1 second'`
const dayAgo = sql`now() - interval '1 day'`

/** Takes the work on a request, unless it was done, or is being done. */
export async function claimRequest(
  db: Database,
  project: Id<'project'>,
  key: string,
  fingerprint: string,
): Promise<Found> {
  const free = sql`${idempotencyKeys.createdAt} < ${dayAgo}
    or (${idempotencyKeys.answer} is null and ${idempotencyKeys.leaseUntil} <= now())`
  const [claimed] = await db
    .insert(idempotencyKeys)
    .values({ project, key, fingerprint, leaseUntil: leaseEnd })
    .onConflictDoUpdate({
      target: [idempotencyKeys.project, idempotencyKeys.key],
      set: {
        ...{ fingerprint, answer: null, leaseUntil: leaseEnd, createdAt: sql`now()` },
        attempt: sql`${idempotencyKeys.attempt} + 1`,
      },
      setWhere: free,
    })
    .returning()
  if (claimed) return { is: 'new', claim: { project, key, attempt: claimed.attempt } }
  const [known] = await db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.project, project), eq(idempotencyKeys.key, key)))
  // Forgotten at this moment: it is the client's to ask again.
  if (!known) return { is: 'running' }
  if (known.fingerprint !== fingerprint) return { is: 'other' }
  return known.answer ? { is: 'done', answer: known.answer } : { is: 'running' }
}

const held = ({ project, key, attempt }: Claim) =>
  and(
    eq(idempotencyKeys.project, project),
    eq(idempotencyKeys.key, key),
    eq(idempotencyKeys.attempt, attempt),
  )

export async function renewClaim(db: Database, claim: Claim): Promise<void> {
  await db.update(idempotencyKeys).set({ leaseUntil: leaseEnd }).where(held(claim))
}

/** Answers whether the claim was still held; else nothing is kept. */
export async function keepAnswer(db: Database | Transaction, claim: Claim, answer: Answer): Promise<boolean> {
  const kept = await db.update(idempotencyKeys).set({ answer }).where(held(claim)).returning()
  return kept.length > 0
}

/**
 * Nothing was done, unless there is an answer: the key is free, also for another request. Its row stays, so that the next
 * claim has another number than all before it.
 */
export async function releaseClaim(db: Database, claim: Claim): Promise<void> {
  await db
    .update(idempotencyKeys)
    .set({ leaseUntil: sql`now()` })
    .where(and(held(claim), isNull(idempotencyKeys.answer)))
}

/** Nobody is answered by them any more. */
export async function forgetAnswers(db: Database): Promise<void> {
  await db.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, dayAgo))
}
