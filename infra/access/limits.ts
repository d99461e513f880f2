/** How much a key may ask: requests a minute, over all processes, and requests at the same time, in this one. */
import { RateLimiterDrizzle } from 'rate-limiter-flexible'
import { ApiError } from '../../contract/errors.ts'
import type { Id } from '../../contract/ids.ts'
import type { Database } from '../db/client.ts'
import { rateLimits } from '../db/tables/index.ts'
import type { Limits } from './caller.ts'

type Key = Limits & { id: Id<'apiKey'> }

/** The minute that a key is in; `remaining` is negative where it has asked too much. */
export type Minute = { limit: number; remaining: number; seconds: number }

export function createLimits(db: Database) {
  // Each key has a limit of its own, which is compared here.
  const points = Number.MAX_SAFE_INTEGER
  // Made when it is needed: it has a timer that cleans up.
  let limiter: RateLimiterDrizzle | undefined
  const running = new Map<Id<'apiKey'>, number>()

  return {
    /** Counts a request; undefined: the key has no limit. */
    async count({ id, requestsPerMinute: limit }: Key): Promise<Minute | undefined> {
      if (limit === null) return undefined
      limiter ??= new RateLimiterDrizzle({
        ...{ storeClient: db, schema: rateLimits, keyPrefix: '' },
        ...{ points, duration: 60 },
      })
      const { consumedPoints, msBeforeNext } = await limiter.consume(id)
      return { limit, remaining: limit - consumedPoints, seconds: Math.ceil(msBeforeNext / 1000) }
    },
    /** Lets a request in, or not. Each one that is let in has to leave when its answer has ended. */
    enter({ id, concurrentRequests: limit }: Key): boolean {
      const now = running.get(id) ?? 0
      if (limit !== null && now >= limit) return false
      running.set(id, now + 1)
      return true
    },
    leave({ id }: Key): void {
      const rest = running.get(id)! - 1
      if (rest > 0) running.set(id, rest)
      else running.delete(id)
    },
  }
}

export const tooManyAMinute = ({ limit, seconds }: Minute) =>
  new ApiError('rate_limit_exceeded', `this key may ask ${limit} times a minute; ask again in ${seconds} s`, {
    retryAfter: seconds,
  })

export const tooManyAtOnce = ({ concurrentRequests: limit }: Limits) =>
  new ApiError(
    'rate_limit_exceeded',
    `this key may have ${limit} requests at the same time, and has; wait for one of them to end`,
    { retryAfter: 1 },
  )
