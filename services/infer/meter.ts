/** What Prometheus is told of generation: by model, and of the engine as a whole. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { EngineThread, GenerateEvent } from '../../engine/index.ts'
import { boundedLabels } from '../../infra/metrics.ts'
import { beginSpan, fail } from '../../infra/traces/spans.ts'
import { within } from '../../infra/within.ts'

/** What a request's line in the log says of its generation, with several answers summed up. */
export type Told = {
  model?: string
  prompt_tokens?: number
  cached_tokens?: number
  completion_tokens?: number
  finish_reason?: string
}

/** Follows one generation. */
export type Measured = {
  saw(event: GenerateEvent): void
  /** It is over; `error` is the code of what went wrong. Without one and without an `end` it was cut off. */
  done(error?: string): void
}

export type Meter = { begin(model: string, told: Told): Measured }

// One label holds some 40 numbers here and 40 time series there.
const mostModels = 200

export function createMeter(registry: Registry, engine: Pick<EngineThread, 'stats' | 'adapters'>): Meter {
  const registers: [Registry] = [registry]
  const requests = new Counter({
    name: 'preamble_generations_total',
    help: 'Generations by how they ended: stop, length, cancelled, or the code of an error.',
    labelNames: ['model', 'outcome'],
    registers,
  })
  const tokens = new Counter({
    name: 'preamble_tokens_total',
    help: 'Tokens read (prompt), of those the ones that were in the cache (cached), and written (completion).',
    labelNames: ['model', 'kind'],
    registers,
  })
  const first = new Histogram({
    name: 'preamble_time_to_first_token_seconds',
    help: 'From the request to the first text of its answer.',
    labelNames: ['model'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers,
  })
  const next = new Histogram({
    name: 'preamble_time_per_output_token_seconds',
    help: 'Mean time of each further token of an answer.',
    labelNames: ['model'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers,
  })
  addGauges(registers, engine)

  const labelOf = boundedLabels(mostModels)
  return {
    begin(name, told) {
      const model = labelOf(name)
      const start = performance.now()
      let firstText: number | undefined
      let outcome: string | undefined
      const count = (kind: 'prompt' | 'cached' | 'completion', n: number) => {
        tokens.inc({ model, kind }, n)
        const key = `${kind}_tokens` as const
        told[key] = (told[key] ?? 0) + n
      }
      told.model = name
      const { span } = beginSpan('generate', { 'gen_ai.request.model': name })
      return {
        saw(event) {
          const now = performance.now()
          switch (event.type) {
            case 'start':
              count('prompt', event.promptTokens)
              span.setAttribute('gen_ai.usage.input_tokens', event.promptTokens)
              break
            case 'delta':
              if (firstText !== undefined) break
              firstText = now
              first.observe({ model }, (now - start) / 1000)
              span.addEvent('first text')
              break
            case 'end':
              outcome = event.finishReason
              told.finish_reason = outcome
              count('cached', event.cachedTokens)
              count('completion', event.completionTokens)
              span.setAttribute('gen_ai.usage.output_tokens', event.completionTokens)
              span.setAttribute('gen_ai.response.finish_reasons', [outcome])
              if (firstText !== undefined && event.completionTokens > 1)
                next.observe({ model }, (now - firstText) / 1000 / (event.completionTokens - 1))
          }
        },
        done(error) {
          requests.inc({ model, outcome: outcome ?? error ?? 'cancelled' })
          if (error) fail({ code: error }, span)
          span.end()
        },
      }
    },
  }
}

const patience = 1000 // ms: a thread that opens a model answers nobody, and the other numbers need not wait for it

/** Asked of the engine when Prometheus asks; what it does not tell in time is left out. */
function addGauges(registers: [Registry], engine: Pick<EngineThread, 'stats' | 'adapters'>): void {
  const stats = () => within(patience, engine.stats())
  const adapters = () => within(patience, engine.adapters.list())
  const gauge = (name: string, help: string, ask: () => Promise<number | undefined>) => {
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        const value = await ask().catch(() => undefined)
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }
  gauge('preamble_queue_length', 'Requests that wait for their turn.', async () => (await stats()).queued)
  gauge('preamble_running_sequences', 'Sequences in the batch.', async () => (await stats()).running)
  gauge(
    'preamble_cache_bytes_used',
    'Bytes of keys and values, those kept for others included.',
    async () => {
      const { cacheBytes } = await stats()
      return cacheBytes.used
    },
  )
  gauge('preamble_cache_bytes', 'Bytes that keys and values may take.', async () => {
    const { cacheBytes } = await stats()
    return cacheBytes.total
  })
  gauge('preamble_adapters_resident', 'Adapters in memory.', async () => (await adapters()).length)
  gauge('preamble_adapters_resident_bytes', 'Bytes of adapters in memory.', async () =>
    (await adapters()).reduce((sum, { bytes }) => sum + bytes, 0),
  )
  new Counter({
    name: 'preamble_engine_steps_total',
    help: 'Runs of the graph that reads prompts and writes answers.',
    registers,
    async collect() {
      const now = await stats().catch(() => undefined)
      if (!now) return
      this.reset()
      this.inc(now.steps)
    },
  })
}
