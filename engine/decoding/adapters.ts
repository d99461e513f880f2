/** The adapters that this thread serves with. */
import { readAdapter } from '../adapters/peft.ts'
import {
  type AdapterLease,
  type AdapterSource,
  type ResidentAdapter,
  ResidentAdapters,
} from '../adapters/resident.ts'
import type { Model } from '../models/model.ts'
import { openModel } from '../models/open.ts'
import { adapterBytes } from '../settings.ts'

const resident = new ResidentAdapters(adapterBytes)

/** @throws InputError when the files are not those of the version that is asked for, or do not fit the base */
export function leaseAdapter(model: Model, source: AdapterSource): AdapterLease {
  return resident.lease(source, () => readAdapter(model, source.adapter, source.adapterHash))
}

export async function* listAdapters(): AsyncGenerator<ResidentAdapter[]> {
  yield resident.list()
}

/** Has an adapter in memory before the first request needs it; pinned, it stays there. */
export async function* loadAdapter({
  pin,
  ...source
}: AdapterSource & { pin: boolean }): AsyncGenerator<void> {
  const read = () => readAdapter(openModel(source.base), source.adapter, source.adapterHash)
  if (pin) resident.pin(source, read)
  else resident.lease(source, read)[Symbol.dispose]()
  yield
}

export async function* unpinAdapter(source: AdapterSource): AsyncGenerator<void> {
  resident.unpin(source)
  yield
}

export async function* dropAdapter(directory: string): AsyncGenerator<void> {
  resident.drop(directory)
  yield
}
