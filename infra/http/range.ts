/** The header `range`, as far as it asks for one run of bytes; others are not heeded, which HTTP allows. */
import type { Range } from '../store/store.ts'

/** @returns the bytes asked for; 'none': the content has none of them; undefined: it is asked for whole */
export function rangeOf(header: string | undefined, bytes: number): Range | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const from = Math.max(0, bytes - Number(last)) // so many at the end
    return from < bytes ? { from, to: bytes } : 'none'
  }
  const [from, to] = [Number(first), last === '' ? bytes : Math.min(Number(last) + 1, bytes)]
  if (last !== '' && Number(last) < from) return undefined
  return from < bytes ? { from, to } : 'none'
}
