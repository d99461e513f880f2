import { createRoute } from '@hono/zod-openapi'
import { Completion, CompletionRequest } from '../../../contract/completion.ts'
import { newId } from '../../../contract/ids.ts'
import { unixSeconds } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { jsonBody } from '../../../infra/http/json.ts'
import type { InferDeps } from '../app.ts'
import { completion, completionChunks } from '../completion.ts'
import { generate } from '../generate.ts'
import { endWithClient, stream } from './stream.ts'

const create = createRoute({
  method: 'post',
  path: '/v1/completions',
  request: { body: jsonBody(CompletionRequest) },
  responses: {
    200: {
      description: 'The text that follows; with `stream`, the events that make it up',
      content: {
        'application/json': { schema: Completion },
        'text/event-stream': { schema: Completion },
      },
    },
    ...errors(400, 404),
  },
})

export function addCompletionRoute(app: HttpApp, deps: InferDeps): void {
  app.openapi(create, async (c) => {
    const request = c.req.valid('json')
    const events = generate(deps, request, { content: request.prompt, param: 'prompt' })
    const head = { id: newId('completion'), created: unixSeconds(new Date()), model: request.model }
    if (request.stream) {
      return stream(
        c,
        deps.log,
        completionChunks(head, events, request.stream_options?.include_usage ?? false),
      )
    }
    endWithClient(c, events)
    return c.json(await completion(head, events), 200)
  })
}
