import type { Database } from '../db/client.ts'
import { auditLog } from '../db/tables/index.ts'
import type { Caller } from './caller.ts'

export type Deed = {
  method: string
  route: string
  subject: string | undefined
  status: number
  requestId: string
}

/** Writes down that a caller did something, or tried to and may not. */
export async function noteDeed(db: Database, { project, key }: Caller, deed: Deed): Promise<void> {
  await db.insert(auditLog).values({ project, keyId: key?.id, ...deed })
}
