import { ApiError } from '../../contract/errors.ts'
import { newId } from '../../contract/ids.ts'
import type { WebhookEventType, WebhookTestResult } from '../../contract/webhook.ts'
import type { InProject } from '../../infra/access/caller.ts'
import type { WebhooksDeps } from './app.ts'
import { findEndpoint, secretsOf } from './endpoint.ts'
import { toEvent } from './event.ts'
import { Unreachable } from './network.ts'
import { post } from './post.ts'
import { signedHeaders } from './sign.ts'

/** What a sample tells of; there is no such thing. */
const samples: Record<WebhookEventType, string> = {
  'fine_tuning.job.succeeded': 'ftjob-sample',
  'fine_tuning.job.failed': 'ftjob-sample',
  'fine_tuning.job.cancelled': 'ftjob-sample',
  'preamble.job.checkpoint': 'ftjob-sample',
  'preamble.dataset.ready': 'ds_sample',
  'preamble.dataset.failed': 'ds_sample',
  'preamble.file.rejected': 'file-sample',
}

/** Sends a sample at once, also to a paused endpoint, and keeps no record. @throws ApiError when nothing answers */
export async function testEndpoint(
  { db, project, network, now }: WebhooksDeps & InProject,
  id: string,
  type: WebhookEventType,
): Promise<WebhookTestResult> {
  const endpoint = await findEndpoint({ db, project }, id)
  const at = now()
  const event = toEvent({ id: newId('webhookEvent'), type, subject: samples[type], createdAt: at })
  const body = JSON.stringify(event)
  const headers = signedHeaders({ id: event.id, body, at }, secretsOf(endpoint, at))
  try {
    const { status } = await post(network, new URL(endpoint.url), headers, body)
    return {
      object: 'webhook_endpoint.test',
      event_type: type,
      webhook_endpoint_id: endpoint.id,
      success: true,
      status_code: status,
    }
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    throw new ApiError('webhook_unreachable', `the test was not answered: ${error.message}`, { cause: error })
  }
}
