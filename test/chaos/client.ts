/** The official client, before services on ports of their own, and what its user does while they come and go. */
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai'

export const services = ['ingest', 'convert', 'train', 'infer', 'webhooks'] as const
export type Service = (typeof services)[number]

const routes: [RegExp, Service][] = [
  [/^\/v1\/(files|uploads)/, 'ingest'],
  [/^\/v1\/datasets/, 'convert'],
  [/^\/v1\/fine_tuning/, 'train'],
  [/^\/v1\/webhook/, 'webhooks'],
  [/^\/v1\//, 'infer'],
]

export type Client = {
  openai: OpenAI
  /** Asks again and again while the answer is one that passes; throws any other error. */
  insist<T>(ask: (openai: OpenAI) => Promise<T>): Promise<T>
  /** How often there was which answer: statuses, `no answer`, `timeout`. */
  answers: Map<string, number>
}

/** Longer than any service is down, and than what any request here takes. */
const patience = 30_000 // ms

export function openClient(ports: Record<Service, number>, signal: AbortSignal): Client {
  const answers = new Map<string, number>()
  const count = (answer: string) => answers.set(answer, (answers.get(answer) ?? 0) + 1)
  const openai = new OpenAI({
    baseURL: 'http://127.0.0.1/v1',
    apiKey: 'none',
    timeout: patience,
    fetch: async (input, init) => {
      const url = new URL(String(input))
      const [, service] = routes.find(([path]) => path.test(url.pathname))!
      url.port = String(ports[service])
      try {
        const response = await fetch(url, init as RequestInit)
        count(String(response.status))
        return response
      } catch (error) {
        count((error as Error).name === 'AbortError' ? 'timeout' : 'no answer')
        throw error
      }
    },
  })
  return {
    openai,
    answers,
    async insist(ask) {
      for (;;) {
        try {
          return await ask(openai)
        } catch (error) {
          signal.throwIfAborted()
          if (!passes(error)) throw error
          await sleep(500)
        }
      }
    },
  }
}

/** Whether an error says only that the server, or what is behind it, is not well at present. */
export const passes = (error: unknown): boolean =>
  error instanceof APIConnectionError ||
  error instanceof APIConnectionTimeoutError ||
  (error instanceof APIError &&
    (error.status === 429 || (error.status ?? 0) >= 500 || error.code === 'request_in_progress'))

export const statusOf = (error: unknown): number | undefined =>
  error instanceof APIError ? error.status : undefined
