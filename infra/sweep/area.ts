import type { Database } from '../db/client.ts'
import type { Stored } from '../store/store.ts'

/** A part of the store, and the rows that name what lies there. */
export type Area = {
  /** What all of its keys begin with. */
  prefix: string
  /** What rows name at this moment. */
  named(db: Database): Promise<Named[]>
}

export type Named = {
  /** An object, or what objects lie below. */
  key: string
  /** Absent: the row does without it, or it is still being written. */
  expected?: {
    /** Whether what was found at the key, and below it, is all that belongs to it. */
    isWhole(found: readonly Stored[]): boolean
    /** Fails the row, and tells so, unless it names the key no more; answers whether it did. */
    fail(): Promise<boolean>
  }
  /** Of a row that says it has lost what belongs to it: how that is taken back. */
  lost?: {
    isWhole(found: readonly Stored[]): boolean
    /** Answers whether it did. */
    heal(): Promise<boolean>
  }
}

/** Whether these are all that is needed, each as long as it was written. */
export const areThere = (key: string, needed: readonly { name: string; bytes?: number }[]) => {
  return (found: readonly Stored[]): boolean =>
    needed.every(({ name, bytes }) =>
      found.some((one) => one.key === `${key}/${name}` && (bytes === undefined || one.bytes === bytes)),
    )
}
