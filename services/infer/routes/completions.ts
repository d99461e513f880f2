import { createRoute } from '@hono/zod-openapi'
import { Completion, CompletionRequest } from '../../../contract/completion.ts'
import { newId } from '../../../contract/ids.ts'
import { unixSeconds } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { eventStream, jsonBody } from '../../../infra/http/json.ts'
import type { RouteDeps } from '../app.ts'
import { beginCall } from '../call.ts'
import { completion, completionChunks } from '../completion.ts'
import { generate } from '../generate.ts'
import { stream } from './stream.ts'

const create = createRoute({
  method: 'post',
  path: '/v1/completions',
  request: { body: jsonBody(CompletionRequest) },
  responses: {
    200: {
      description: 'The text that follows; with `stream`, the events that make it up',
      content: {
        'application/json': { schema: Completion },
        ...eventStream('Completion'),
      },
    },
    ...errors(400, 404, 429, 503, 504),
  },
})

export function addCompletionRoute(app: HttpApp, deps: RouteDeps): void {
  app.openapi(create, async (c) => {
    const { prompt, logprobs, ...request } = c.req.valid('json')
    const asked = { ...request, prompts: prompt, param: 'prompt', topLogprobs: logprobs ?? undefined }
    const call = beginCall(c, deps)
    const events = generate(forCaller(c, deps), asked, call)
    const head = { id: newId('completion'), created: unixSeconds(new Date()), model: request.model }
    const includeUsage = request.stream_options?.include_usage ?? false
    const wanted = { n: request.n, logprobs: logprobs != null, includeUsage }
    if (request.stream) return stream(c, deps.log, completionChunks(head, events, wanted), call)
    return c.json(await completion(head, events, wanted), 200)
  })
}
