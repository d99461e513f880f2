import { InputError } from '../errors.ts'
import type { StoredAdapter } from './peft.ts'

/** One version of an adapter: where it lies, for which base, and what its tensors hash to. */
export type AdapterSource = {
  /** A Hugging Face directory. */
  base: string
  /** A directory with PEFT's files. */
  adapter: string
  /** SHA-256 of `adapter_model.safetensors`, in hexadecimal; absent, it is not known. */
  adapterHash?: string
}

/** An adapter in memory. */
export type ResidentAdapter = AdapterSource & { bytes: number; pinned: boolean; leases: number }

type Entry = ResidentAdapter & { value: StoredAdapter }

/** The use of an adapter by one request; it stays in memory until it is disposed of. */
export type AdapterLease = Disposable & { readonly key: string; readonly adapter: StoredAdapter }

/**
 * Adapters in memory, within a limit of bytes: those that nobody uses go first, the one used longest ago before the
 * others. An adapter that is leased or pinned stays, so requests in flight may hold more than the limit for a while.
 */
export class ResidentAdapters {
  readonly #limit: number
  /** By key, the most recently used last. */
  readonly #entries = new Map<string, Entry>()

  /** @param limit in bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Leases an adapter, which is read when it is not in memory. */
  lease(source: AdapterSource, read: () => StoredAdapter): AdapterLease {
    const key = keyOf(source)
    const entry = this.#entries.get(key) ?? entryOf(source, read())
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.leases += 1
    this.#evict()
    let held = true
    return {
      key,
      adapter: entry.value,
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        entry.leases -= 1
        this.#evict()
      },
    }
  }

  /**
   * Keeps an adapter in memory until it is unpinned or dropped.
   * @throws InputError when those that are pinned would take more than the limit
   */
  pin(source: AdapterSource, read: () => StoredAdapter): void {
    using lease = this.lease(source, read)
    const entry = this.#entries.get(lease.key)!
    const pinned = this.list().reduce((sum, { pinned, bytes }) => sum + (pinned ? bytes : 0), 0)
    if (!entry.pinned && pinned + entry.bytes > this.#limit)
      throw new InputError(
        'adapters_full',
        `the adapter takes ${entry.bytes} bytes and those pinned already ${pinned}, ` +
          `of ${this.#limit} that adapters may take; unpin another one`,
      )
    entry.pinned = true
  }

  unpin(source: AdapterSource): void {
    const entry = this.#entries.get(keyOf(source))
    if (entry) entry.pinned = false
    this.#evict()
  }

  /** Forgets all versions at `directory`; leases that are out go on with what they have. */
  drop(directory: string): void {
    for (const [key, { adapter }] of this.#entries) if (adapter === directory) this.#entries.delete(key)
  }

  /** Those in memory, the one used longest ago first. */
  list(): ResidentAdapter[] {
    return Array.from(this.#entries.values(), ({ value: _, ...resident }) => resident)
  }

  #evict(): void {
    let bytes = this.list().reduce((sum, entry) => sum + entry.bytes, 0)
    for (const [key, entry] of this.#entries) {
      if (bytes <= this.#limit) return
      if (entry.pinned || entry.leases > 0) continue
      this.#entries.delete(key)
      bytes -= entry.bytes
    }
  }
}

const keyOf = ({ base, adapter, adapterHash = '' }: AdapterSource) => [base, adapter, adapterHash].join('\0')

const entryOf = ({ base, adapter, adapterHash }: AdapterSource, value: StoredAdapter): Entry => ({
  ...{ base, adapter, adapterHash, value },
  ...{ bytes: bytesOf(value), pinned: false, leases: 0 },
})

function bytesOf({ prefix, lora }: StoredAdapter): number {
  const arrays = [
    ...(prefix ? [...prefix.keys, ...prefix.values] : []),
    ...Array.from(lora?.parameters.values() ?? [], ({ data }) => data),
  ]
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
