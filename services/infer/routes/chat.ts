import { createRoute } from '@hono/zod-openapi'
import { ChatCompletion, ChatCompletionChunk, ChatRequest } from '../../../contract/chat.ts'
import { newId } from '../../../contract/ids.ts'
import { unixSeconds } from '../../../infra/db/tables/index.ts'
import type { HttpApp } from '../../../infra/http/app.ts'
import { errors } from '../../../infra/http/errors.ts'
import { forCaller } from '../../../infra/http/guard.ts'
import { eventStream, jsonBody } from '../../../infra/http/json.ts'
import type { RouteDeps } from '../app.ts'
import { beginCall } from '../call.ts'
import { chatChunks, chatCompletion } from '../chat-completion.ts'
import { generate } from '../generate.ts'
import { stream } from './stream.ts'

const create = createRoute({
  method: 'post',
  path: '/v1/chat/completions',
  request: { body: jsonBody(ChatRequest) },
  responses: {
    200: {
      description: 'The answer; with `stream`, the events that make it up',
      content: {
        'application/json': { schema: ChatCompletion },
        ...eventStream('ChatCompletionChunk'),
      },
    },
    ...errors(400, 404, 429, 503, 504),
  },
})

export function addChatRoute(app: HttpApp, deps: RouteDeps): void {
  app.openAPIRegistry.register('ChatCompletionChunk', ChatCompletionChunk)
  app.openapi(create, async (c) => {
    const { messages, max_completion_tokens, logprobs, top_logprobs, ...request } = c.req.valid('json')
    const asked = {
      ...request,
      max_tokens: max_completion_tokens ?? request.max_tokens,
      ...{ prompts: [messages], param: 'messages' },
      topLogprobs: logprobs ? (top_logprobs ?? 0) : undefined,
    }
    const call = beginCall(c, deps)
    const events = generate(forCaller(c, deps), asked, call)
    const head = { id: newId('chatCompletion'), created: unixSeconds(new Date()), model: request.model }
    const includeUsage = request.stream_options?.include_usage ?? false
    const wanted = { n: request.n, logprobs, includeUsage }
    if (request.stream) return stream(c, deps.log, chatChunks(head, events, wanted), call)
    return c.json(await chatCompletion(head, events, wanted), 200)
  })
}
