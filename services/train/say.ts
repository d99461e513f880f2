/** What a training run tells, in the words and numbers of a job's events. */
import type { JobEvent, Metrics } from '../../contract/job.ts'
import type { TrainEvent } from '../../engine/index.ts'

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
      const { step, loss } = moment
      const where = step === 0 ? 'Base model' : `Step ${step}/${totalSteps}`
      const data = { step, total_steps: totalSteps, valid_loss: loss }
      return [{ level: 'info', message: `${where}: dev loss=${loss.toFixed(4)}`, data }]
    }
    case 'checkpoint':
      return [say(`Checkpoint created at step ${moment.step}`)]
    case 'end':
      return []
  }
}

/** How many cut samples are named; there may be thousands. */
const namedCuts = 10

function cutsOf(cuts: Extract<TrainEvent, { type: 'start' }>['truncated']): NewEvent[] {
  if (cuts.length === 0) return []
  const named = cuts
    .slice(0, namedCuts)
    .map(
      ({ set, index, tokens, limit }) => `${set} sample ${index + 1} (${tokens} of at most ${limit} tokens)`,
    )
  const rest = cuts.length > namedCuts ? ` and ${cuts.length - namedCuts} more` : ''
  return [say(`${cuts.length} samples were cut to fit: ${named.join(', ')}${rest}`, 'warn')]
}

const count = (n: number) => n.toLocaleString('en-US')
