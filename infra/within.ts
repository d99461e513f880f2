import { setTimeout as sleep } from 'node:timers/promises'

/** What `promise` gives, or an error when that takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const done = new AbortController()
  const late = sleep(ms, undefined, { signal: done.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${ms} ms`)
  })
  late.catch(() => {}) // aborted, nobody hears of it
  try {
    return await Promise.race([promise, late])
  } finally {
    done.abort()
  }
}
