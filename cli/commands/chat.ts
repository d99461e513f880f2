import { createInterface, type Interface } from 'node:readline/promises'
import type { ChatCompletionChunk } from '../../contract/chat.ts'
import type { ChatMessage } from '../../contract/chat-message.ts'
import type { Api } from '../api/api.ts'
import { command } from '../command.ts'

export const chat = command({
  summary: 'Talk to a model',
  operands: ['MODEL'],
  options: {
    message: { kind: 'text', value: 'TEXT', help: 'ask this one thing, print the answer and end' },
    system: { kind: 'text', value: 'TEXT', help: 'begin with this system turn' },
    temperature: { kind: 'number', value: 'T', help: '0 always takes the likeliest token' },
    'top-p': {
      kind: 'number',
      value: 'P',
      help: 'sample among the likeliest tokens of this total probability',
    },
    'max-tokens': { kind: 'number', value: 'N', help: 'longest answer' },
    seed: { kind: 'number', value: 'N', help: 'the same seed, the same answer' },
  },
  async run({ api, operands: [model], values }) {
    const settings: Settings = {
      model: model!,
      temperature: values.temperature,
      top_p: values['top-p'],
      max_tokens: values['max-tokens'],
      seed: values.seed,
    }
    const history: ChatMessage[] = values.system ? [{ role: 'system', content: values.system }] : []
    if (values.message !== undefined) {
      await answer(api, settings, [...history, { role: 'user', content: values.message }])
    } else {
      // A model that does not exist should be refused now, not after the first question.
      await api.get(`v1/models/${encodeURIComponent(model!)}`)
      await converse(api, settings, history)
    }
  },
})

type Settings = { model: string; temperature?: number; top_p?: number; max_tokens?: number; seed?: number }

/** Prints the model's answer as it comes, and answers it whole; `signal` cuts it short. */
async function answer(
  api: Api,
  settings: Settings,
  messages: ChatMessage[],
  signal?: AbortSignal,
): Promise<string> {
  let text = ''
  try {
    const body = { ...settings, messages, stream: true }
    for await (const chunk of api.stream<ChatCompletionChunk>('v1/chat/completions', body, signal)) {
      const delta = chunk.choices[0]?.delta.content ?? ''
      process.stdout.write(delta)
      text += delta
    }
  } catch (error) {
    if (!signal?.aborted) throw error
  }
  process.stdout.write('\n')
  return text
}

/** Reads questions until the input ends. Ctrl-C cuts an answer short; where there is none, it ends the talk. */
async function converse(api: Api, settings: Settings, history: ChatMessage[]): Promise<void> {
  // Questions from a file or a pipe are answered without being asked for.
  const prompt = process.stdin.isTTY ? '> ' : ''
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt })
  let speaking: AbortController | undefined
  lines.on('SIGINT', () => (speaking ? speaking.abort() : lines.close()))
  for await (const line of prompted(lines)) {
    if (line.trim() === '') continue
    speaking = new AbortController()
    history.push({ role: 'user', content: line })
    const text = await answer(api, settings, history, speaking.signal)
    // An empty turn is no valid history: the question goes, as if it had not been asked.
    if (text.trim() === '') history.pop()
    else history.push({ role: 'assistant', content: text })
    speaking = undefined
  }
}

/** Lines as they are entered, with a prompt before each. */
async function* prompted(lines: Interface): AsyncGenerator<string, void, void> {
  let open = true
  lines.once('close', () => {
    open = false
  })
  lines.prompt()
  for await (const line of lines) {
    yield line
    // The input may have ended while its last lines wait to be read.
    if (open) lines.prompt()
  }
}
