/** Objects: bytes under a key such as `files/file-1`, whole or not there. */

export type Bytes = AsyncIterable<Uint8Array>

/** What a store knows of an object; `since`: how long this content is there at least. */
export type Stored = { key: string; bytes: number; since: Date }

/** Bytes from the one at `from` up to, and without, the one at `to`; both lie within the object. */
export type Range = { from: number; to: number }

export interface Store {
  /** Writes the object, replacing one that is there; if `content` throws, nothing is changed. */
  put(key: string, content: Bytes): Promise<{ bytes: number }>
  putBytes(key: string, content: Uint8Array): Promise<{ bytes: number }>
  /** Opens the object, or a range of it, as a stream. Throws `ObjectNotFound`. */
  get(key: string, range?: Range): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>
  /** Reads the object whole; for small ones. Throws `ObjectNotFound`. */
  bytes(key: string): Promise<Uint8Array<ArrayBuffer>>
  exists(key: string): Promise<boolean>
  /** The names of the objects directly below `key/`, in order; none when there is nothing. */
  list(key: string): Promise<string[]>
  /** All objects below `key/`, however deep, in no order. */
  walk(key: string): AsyncIterable<Stored>
  /** Makes an object of a local file, by a link where that can be: the content of the file must not change any more. */
  adopt(key: string, path: string): Promise<void>
  /**
   * A local directory with the objects directly below `key/`, or at least those of these `names`, to be read in place: within
   * the hour, or, if it `stays`, for as long as this process runs. What was opened by then can be read to its end. Throws
   * `ObjectNotFound`, also when one of the names is not there.
   */
  directory(key: string, how?: { stays?: boolean; names?: readonly string[] }): Promise<string>
  /** Deletes the object of this key and all objects below `key/`; there may be none. */
  delete(key: string): Promise<void>
  /** Throws when objects can neither be read nor written at present. */
  check(): Promise<void>
}

export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound'
  readonly key: string

  constructor(key: string) {
    super(`no object "${key}" in the store`)
    this.key = key
  }
}

/** Segments of letters, digits and `. _ -` joined by `/`; none is `.` or `..` or starts with a dot. */
const keyPattern = /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/

/** Refuses a key that could name something outside of the store. */
export function checkKey(key: string): void {
  if (!keyPattern.test(key)) {
    throw new Error(`"${key}" is no object key; expected segments of letters, digits, . _ and - joined by /`)
  }
}
