/** What a training run tells, in the words and numbers of a job's events. */
import type { JobEvent, Metrics } from '../../contract/job.ts'
import type { Plan, TrainEvent } from '../../engine/index.ts'

export type NewEvent = Pick<JobEvent, 'level' | 'message'> & { data: Metrics | null }

export const say = (message: string, level: JobEvent['level'] = 'info'): NewEvent => ({
  level,
  message,
  data: null,
})

/** The events of a run's moment; `totalSteps` is what its `start` told. */
export function eventsOf(moment: TrainEvent, totalSteps: number): NewEvent[] {
  switch (moment.type) {
    case 'start':
      return [
        say(
          `Training ${count(moment.trainableParameters)} parameters for ${moment.steps} steps ` +
            `on ${moment.trainSamples} samples; ${moment.devSamples} dev samples`,
        ),
        planOf(moment.plan),
        ...cutsOf(moment.truncated),
      ]
    case 'step': {
      const { step, loss, learningRate, tokensPerSecond } = moment
      return [
        {
          level: 'info',
          message: `Step ${step}/${totalSteps}: training loss=${loss.toFixed(4)}`,
          data: {
            step,
            total_steps: totalSteps,
            train_loss: loss,
            learning_rate: learningRate,
            tokens_per_second: tokensPerSecond,
          },
        },
      ]
    }
    case 'eval': {
      const { step, loss, accuracy } = moment
      const where = step === 0 ? 'Base model' : `Step ${step}/${totalSteps}`
      const message = `${where}: dev loss=${loss.toFixed(4)}, token accuracy=${accuracy.toFixed(4)}`
      const data = {
        ...{ step, total_steps: totalSteps, valid_loss: loss, valid_mean_token_accuracy: accuracy },
        ...{ full_valid_loss: loss, full_valid_mean_token_accuracy: accuracy },
      }
      return [{ level: 'info', message, data }]
    }
    case 'quantize': {
      const { done, total } = moment
      return done === total ? [say(`The base is quantised: ${total} weights`)] : []
    }
    case 'split': {
      const { step, microBatch, accumulation } = moment
      const how = `${samples(microBatch)} at a time, ${accumulation} times a step`
      return [say(`Step ${step}: not memory enough; it is taken again with ${how}`, 'warn')]
    }
    case 'checkpoint':
      return [say(`Checkpoint created at step ${moment.step}`)]
    case 'state':
    case 'end':
      return []
  }
}

function planOf({
  form,
  checkpointing,
  microBatch,
  accumulation,
  together,
  memory,
  available,
}: Plan): NewEvent {
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`
  const parts = (['base', 'activations', 'optimizer', 'workspace'] as const).map(
    (part) => `${part} ${gib(memory[part])}`,
  )
  return say(
    `Memory plan: base ${form}, checkpointing ${checkpointing}, ${samples(microBatch)} at a time, ` +
      `${accumulation} times a step${together > 1 ? `, of ${together} jobs like this one` : ''}: ${gib(memory.total)} (${parts.join(', ')}) of ${gib(available)}`,
  )
}

const samples = (n: number) => (n === 1 ? '1 sample' : `${n} samples`)

/** Samples that one event names: some 4 KB. */
const cutsInEvent = 100

function cutsOf(cuts: Extract<TrainEvent, { type: 'start' }>['truncated']): NewEvent[] {
  if (cuts.length === 0) return []
  const limit = count(cuts[0]!.limit)
  const named = cuts.map(({ set, index, tokens }) => `${set} sample ${index + 1} (${tokens})`)
  return [
    say(`${count(cuts.length)} samples have more tokens than the ${limit} that may be, and were cut`, 'warn'),
    ...Array.from({ length: Math.ceil(cuts.length / cutsInEvent) }, (_, i) =>
      say(`Cut: ${named.slice(i * cutsInEvent, (i + 1) * cutsInEvent).join(', ')}`, 'warn'),
    ),
  ]
}

const count = (n: number) => n.toLocaleString('en-US')
