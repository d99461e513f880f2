import { and, eq, sql } from 'drizzle-orm'
import type { Id } from '../../contract/ids.ts'
import type { InProject } from '../../infra/access/caller.ts'
import { webhookEndpoints } from '../../infra/db/tables/index.ts'
import type { Keep } from '../../infra/http/idempotency.ts'
import type { WebhooksDeps } from './app.ts'
import { type EndpointRow, noEndpoint, withSecret } from './endpoint.ts'
import { newSecret } from './sign.ts'

const overlap = 24 * 3_600_000 // ms

/** Gives an endpoint a new secret; for a day the old one signs too, if it is kept. @throws ApiError when there is none */
export async function rotateSecret(
  { db, project, now, keep }: WebhooksDeps & InProject & { keep: Keep },
  id: string,
  keepOld: boolean,
): Promise<EndpointRow> {
  const at = now()
  const old = keepOld
    ? { oldSecret: sql`${webhookEndpoints.secret}`, oldSecretUntil: new Date(at.getTime() + overlap) }
    : { oldSecret: null, oldSecretUntil: null }
  const one = and(eq(webhookEndpoints.project, project), eq(webhookEndpoints.id, id as Id<'webhookEndpoint'>))
  return db.transaction(async (tx) => {
    const [rotated] = await tx
      .update(webhookEndpoints)
      .set({ secret: newSecret(), ...old, updatedAt: at })
      .where(one)
      .returning()
    if (!rotated) throw noEndpoint(id)
    await keep(tx, withSecret(rotated))
    return rotated
  })
}
