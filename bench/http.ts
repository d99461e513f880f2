/**
 * `npm run bench:http`: the server as `npm start` runs it, and 200 streams at a time from a client in a process of its own;
 * in turns with it, the same requests asked of an engine thread without a server. Let nothing else run meanwhile.
 *
 * npm run bench:http -- [--streams N] [--tokens N] [--rounds N]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openEngine } from '../engine/index.ts'
import { startServer } from '../scripts/demo/server.ts'
import { type Answer, ask, model, type Request, type Round, requestsOf } from './http/requests.ts'
import { inTurn, median, quantile } from './measure.ts'

const bar = 0.3 // ms of each token

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '200' },
    tokens: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
  },
})
const [streams, tokens, rounds] = [values.streams, values.tokens, values.rounds].map(Number) as [
  number,
  number,
  number,
]

const base = join(import.meta.dirname, '../models', model)
const home = mkdtempSync(join(tmpdir(), 'preamble-http-'))
const server = await startServer(home)
const client = fork(join(import.meta.dirname, 'http/client.ts'))
const engine = openEngine()
try {
  const asked = { server: 0, engine: 0 }
  const next = (side: keyof typeof asked) => requestsOf(asked[side]++, streams, tokens)
  const measure = (count: number) =>
    inTurn(count, {
      server: () => overHttp(next('server')),
      engine: () => ask(next('engine'), throughEngine),
    })
  await measure(1) // models are opened, and code gets warm
  const measured = await measure(rounds)
  report(measured.server, measured.engine)
} finally {
  client.disconnect()
  await engine.close()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
}

async function overHttp(requests: Request[]): Promise<Round> {
  const answered = once(client, 'message')
  client.send({ url: server.url, requests })
  const [round] = await Promise.race([
    answered,
    once(client, 'exit').then(([code, signal]) => {
      throw new Error(`the client ended with ${code ?? signal}`)
    }),
  ])
  return round as Round
}

/** The same of an engine thread, which is what a server has. */
async function throughEngine({ messages, seed, maxTokens }: Request, since: () => number): Promise<Answer> {
  const answer: Answer = { text: '', tokens: 0, events: 0, first: 0, last: 0 }
  const sampling = { temperature: 1, topP: 1, topK: 0, stop: [] }
  for await (const event of engine.generate({ base, prompt: messages, seed, maxTokens, ...sampling })) {
    answer.events += 1
    switch (event.type) {
      case 'start':
        break
      case 'delta':
        answer.text += event.text
        answer.last = since()
        answer.first ||= answer.last
        break
      case 'end':
        answer.tokens = event.completionTokens
        answer.finishReason = event.finishReason
    }
  }
  return answer
}

function report(served: Round[], alone: Round[]): void {
  console.log(
    `${model}; ${rounds} rounds of ${streams} streams at a time, ${tokens} tokens each at most; ${availableParallelism()} threads`,
  )
  console.log(row('', ['over HTTP', 'engine alone']))
  const sides = [served, alone]
  const each = (of: (rounds: Round[]) => string) => sides.map(of)
  const spread = (of: (answer: Answer) => number) => (rounds: Round[]) => {
    const times = rounds.flatMap(({ answers }) => answers.map(of))
    return `${quantile(times, 0.5).toFixed(1)}, ${quantile(times, 0.99).toFixed(1)}`
  }
  console.log(row('time to first token, p50, p99 (ms)', each(spread(({ first }) => first))))
  const perToken = ({ first, last, tokens }: Answer) => (last - first) / Math.max(1, tokens - 1)
  console.log(row('time per output token, p50, p99 (ms)', each(spread(perToken))))
  const seconds = (rounds: Round[]) => sum(rounds, ({ milliseconds }) => milliseconds) / 1000
  console.log(
    row(
      'tokens/s',
      each((rounds) => (tokensOf(rounds) / seconds(rounds)).toFixed(0)),
    ),
  )
  const ended = (reason: string) =>
    row(
      `streams that ended with "${reason}"`,
      each((rounds) => String(count(rounds, ({ finishReason }) => finishReason === reason))),
    )
  console.log(ended('length'))
  console.log(ended('stop'))
  console.log(
    row(
      'tokens',
      each((rounds) => String(tokensOf(rounds))),
    ),
  )
  console.log(
    row(
      'events',
      each((rounds) => String(sum(rounds, ({ answers }) => sum(answers, (a) => a.events)))),
    ),
  )

  const overheads = served.map(
    ({ milliseconds }, i) => (milliseconds - alone[i]!.milliseconds) / tokensOf([alone[i]!]),
  )
  const overhead = median(overheads)
  console.log(
    `overhead ${overhead.toFixed(3)} ms a token, the bar is ${bar}: (wall time of a round over HTTP − that of the same round through the\n` +
      `engine thread alone) ÷ its tokens; the median of rounds, which gave ${overheads.map((ms) => ms.toFixed(3)).join(', ')}.\n` +
      'The client works on the same cores, so what it does counts too.',
  )
  const dropped = count(served, ({ finishReason }) => finishReason === undefined)
  const other = sum(
    served,
    ({ answers }, i) => answers.filter(({ text }, j) => text !== alone[i]!.answers[j]!.text).length,
  )
  const missed = [
    ...(dropped > 0 ? [`${dropped} streams were dropped: none may be`] : []),
    ...(other > 0 ? [`${other} texts are not what the engine alone gives for the same seed`] : []),
    ...(overhead > bar ? [`overhead: at most ${bar} ms a token`] : []),
  ]
  console.log(
    missed.length > 0
      ? missed.join('\n')
      : 'every bar is met, no stream was dropped, and all texts are the same',
  )
  if (missed.length > 0) process.exitCode = 1
}

function row(what: string, cells: readonly string[]): string {
  return what.padEnd(38) + cells.map((cell) => cell.padStart(18)).join('')
}

function sum<T>(values: readonly T[], of: (value: T, i: number) => number): number {
  return values.reduce((total, value, i) => total + of(value, i), 0)
}

function tokensOf(rounds: readonly Round[]): number {
  return sum(rounds, ({ answers }) => sum(answers, ({ tokens }) => tokens))
}

function count(rounds: readonly Round[], is: (answer: Answer) => boolean): number {
  return sum(rounds, ({ answers }) => answers.filter(is).length)
}
