import type { WebhookEvent } from '../../contract/webhook.ts'
import { unixSeconds, type webhookEvents } from '../../infra/db/tables/index.ts'

/** An event as it is told: the same bytes at every attempt. */
export const toEvent = ({
  id,
  createdAt,
  type,
  subject,
}: Omit<typeof webhookEvents.$inferSelect, 'project'>): WebhookEvent => ({
  id,
  object: 'event',
  created_at: unixSeconds(createdAt),
  type,
  data: { id: subject },
})
