import { expect, test } from 'vitest'
import { JobRequest } from '../../contract/job.ts'
import { Peft } from '../../contract/peft.ts'
import { defaultTrainingArgs } from './defaults.ts'
import { settingsOf } from './settings.ts'

const defaults = defaultTrainingArgs(Peft.parse({}))
const settings = (extra: object = {}) =>
  settingsOf(JobRequest.parse({ model: 'preamble-tiny', training_file: 'file-1', ...extra }))

test('a request that says nothing trains by the defaults', () => {
  expect(settings()).toEqual({
    hyperparameters: { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' },
    peft: Peft.parse({}),
    args: defaults,
    warnings: [],
  })
})

test('the MLP of a projected prefix has a learning rate of its own', () => {
  const { args } = settings({ peft: { prefix_projection: true } })
  expect(args.learning_rate).toBeLessThan(defaults.learning_rate)
  expect({ ...args, learning_rate: defaults.learning_rate }).toEqual(defaults)
})

test("OpenAI's hyperparameters set epochs, batch size and a multiple of the learning rate", () => {
  const hyperparameters = { n_epochs: 7, batch_size: 2, learning_rate_multiplier: 0.5 }
  const expected = {
    num_train_epochs: 7,
    max_steps: -1,
    per_device_train_batch_size: 2,
    learning_rate: defaults.learning_rate / 2,
  }
  expect(settings({ hyperparameters }).args).toMatchObject(expected)
  const method = { type: 'supervised', supervised: { hyperparameters } }
  expect(settings({ method }).args).toMatchObject(expected)
})

test('training_args go before hyperparameters, and the seed of the request before both', () => {
  const asked = settings({
    seed: 7,
    hyperparameters: { n_epochs: 3, batch_size: 2 },
    training_args: { max_steps: 20, per_device_train_batch_size: 8, seed: 1 },
  })
  expect(asked.args).toMatchObject({
    max_steps: 20,
    num_train_epochs: 3,
    per_device_train_batch_size: 8,
    seed: 7,
  })
})

test('asking for epochs is asking for no fixed number of steps', () => {
  expect(settings({ training_args: { num_train_epochs: 2 } }).args).toMatchObject({
    num_train_epochs: 2,
    max_steps: -1,
  })
})
