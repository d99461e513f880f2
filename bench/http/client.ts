/** The client, a process of its own: it is sent a server's URL and requests, and sends back how they went. */
import { Agent, type IncomingMessage, request as send } from 'node:http'
import type { ChatCompletionChunk } from '../../contract/chat.ts'
import { type Answer, ask, model, type Request } from './requests.ts'

const agent = new Agent({ keepAlive: true })

process.on('message', async ({ url, requests }: { url: string; requests: Request[] }) =>
  process.send!(await ask(requests, (request, since) => stream(url, request, since))),
)

async function stream(url: string, request: Request, since: () => number): Promise<Answer> {
  const { messages, seed, maxTokens: max_tokens } = request
  const options = { stream: true, stream_options: { include_usage: true } }
  const response = await post(url, JSON.stringify({ model, messages, seed, max_tokens, ...options }))
  const answer: Answer = { text: '', tokens: 0, events: 0, first: 0, last: 0 }
  let finishReason: string | undefined
  for await (const data of events(response)) {
    answer.events += 1
    // A stream is whole when it says so.
    if (data === '[DONE]') return { ...answer, finishReason }
    const { choices, usage } = JSON.parse(data) as ChatCompletionChunk
    if (usage) answer.tokens = usage.completion_tokens
    finishReason ??= choices[0]?.finish_reason ?? undefined
    const text = choices[0]?.delta.content
    if (!text) continue
    answer.text += text
    answer.last = since()
    answer.first ||= answer.last
  }
  return answer
}

const post = (url: string, body: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    send(`${url}/v1/chat/completions`, { agent, headers, method: 'POST' }, resolve)
      .on('error', reject)
      .end(body)
  })

/** The `data` of each event: OpenAI's have nothing else. */
async function* events(response: IncomingMessage): AsyncGenerator<string, void, void> {
  let rest = ''
  for await (const bytes of response.setEncoding('utf8')) {
    const parts = (rest + bytes).split('\n\n')
    rest = parts.pop()!
    for (const part of parts) yield part.slice('data: '.length)
  }
}
