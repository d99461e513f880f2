/** Webhooks: endpoints as OpenAI's client manages them, the events they are told, and the log of what was delivered. */
import { z } from 'zod'
import { idOf } from './ids.ts'

/** What is told. `data.id` is the id of the job (also of a checkpoint's), the dataset or the file. */
export const WebhookEventType = z.enum([
  'fine_tuning.job.succeeded',
  'fine_tuning.job.failed',
  'fine_tuning.job.cancelled',
  'preamble.job.checkpoint',
  'preamble.dataset.ready',
  'preamble.dataset.failed',
  'preamble.file.rejected',
])
export type WebhookEventType = z.infer<typeof WebhookEventType>

/** The body of a delivery: it says what happened to what, and the API tells the rest. */
export const WebhookEvent = z
  .object({
    id: idOf('webhookEvent'),
    object: z.literal('event'),
    created_at: z.int(),
    type: WebhookEventType,
    data: z.object({ id: z.string() }),
  })
  .meta({ id: 'WebhookEvent' })
export type WebhookEvent = z.infer<typeof WebhookEvent>

const name = z.string().min(1).max(256)
const url = z
  .url({ protocol: /^https?$/, error: 'expected the URL of a receiver, https://…' })
  .max(2048)
  .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
    message: 'the URL holds a user name or password; the signature is what tells who sends',
  })
const types = z.array(WebhookEventType).min(1).max(WebhookEventType.options.length)
const status = z.enum(['active', 'paused'])

export const WebhookEndpointRequest = z
  .strictObject({ name, url, event_types: types })
  .meta({ id: 'WebhookEndpointRequest' })
export type WebhookEndpointRequest = z.infer<typeof WebhookEndpointRequest>

/** `status: 'active'` takes up an endpoint that was paused. */
export const WebhookEndpointChange = z
  .strictObject({ name, url, event_types: types, status })
  .partial()
  .meta({ id: 'WebhookEndpointChange' })
export type WebhookEndpointChange = z.infer<typeof WebhookEndpointChange>

export const WebhookEndpoint = z
  .object({
    id: idOf('webhookEndpoint'),
    object: z.literal('webhook_endpoint'),
    created_at: z.int(),
    updated_at: z.int(),
    name: z.string(),
    url: z.string(),
    event_types: z.array(WebhookEventType),
    signing_secret_hint: z.string(),
    /** `paused`: nothing is sent, and what happens meanwhile is not told. */
    status,
    /** Since when nothing has reached it; null: the last delivery did. */
    failing_since: z.int().nullable(),
  })
  .meta({ id: 'WebhookEndpoint' })
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>

/** The secret is told here and never again. */
export const WebhookEndpointWithSecret = WebhookEndpoint.extend({ signing_secret: z.string() }).meta({
  id: 'WebhookEndpointWithSecret',
})
export type WebhookEndpointWithSecret = z.infer<typeof WebhookEndpointWithSecret>

export const WebhookEndpointDeleted = z
  .object({ id: z.string(), object: z.literal('webhook_endpoint.deleted'), deleted: z.literal(true) })
  .meta({ id: 'WebhookEndpointDeleted' })

export const RotateSecretRequest = z
  .strictObject({ keep_old_secret_active_for_24_hours: z.boolean().default(false) })
  .meta({ id: 'RotateSecretRequest' })

export const WebhookTestRequest = z
  .strictObject({ event_type: WebhookEventType })
  .meta({ id: 'WebhookTestRequest' })

/** The test was answered; `status_code` says how. */
export const WebhookTestResult = z
  .object({
    object: z.literal('webhook_endpoint.test'),
    event_type: WebhookEventType,
    webhook_endpoint_id: idOf('webhookEndpoint'),
    success: z.literal(true),
    status_code: z.int(),
  })
  .meta({ id: 'WebhookTestResult' })
export type WebhookTestResult = z.infer<typeof WebhookTestResult>

export const WebhookEventTypeList = z
  .object({ object: z.literal('list'), data: z.array(WebhookEventType) })
  .meta({ id: 'WebhookEventTypeList' })

/** One try at a delivery: the answer's status and the start of its body, or why there was none. */
export const DeliveryAttempt = z
  .object({
    at: z.int(),
    ms: z.int(),
    status_code: z.int().nullable(),
    response: z.string().nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'WebhookDeliveryAttempt' })
export type DeliveryAttempt = z.infer<typeof DeliveryAttempt>

export const DeliveryStatus = z.enum(['pending', 'succeeded', 'failed'])
export type DeliveryStatus = z.infer<typeof DeliveryStatus>

/** One event on its way to one endpoint. */
export const WebhookDelivery = z
  .object({
    id: idOf('webhookDelivery'),
    object: z.literal('webhook_delivery'),
    created_at: z.int(),
    webhook_endpoint_id: idOf('webhookEndpoint'),
    event: WebhookEvent,
    status: DeliveryStatus,
    attempts: z.array(DeliveryAttempt),
    next_attempt_at: z.int().nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof WebhookDelivery>
