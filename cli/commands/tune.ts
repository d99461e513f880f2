import type { Job } from '../../contract/job.ts'
import { makeDataset, reportProblems, uploadCorpus } from '../api/corpus.ts'
import { command } from '../command.ts'
import { splitOf, splitOptions } from './split.ts'
import { watchJob } from './watch.ts'

export const tune = command({
  summary: 'Tune a model on a text corpus',
  operands: ['CORPUS'],
  options: {
    base: { kind: 'text', value: 'MODEL', help: 'the model to tune (default preamble-tiny)' },
    'virtual-tokens': { kind: 'number', value: 'N', help: 'length of the prefix (default 128)' },
    'prefix-projection': { kind: 'flag', help: 'train the prefix through a two-layer MLP' },
    epochs: { kind: 'number', value: 'N', help: 'passes over the training set' },
    steps: { kind: 'number', value: 'N', help: 'optimizer steps, instead of --epochs' },
    'learning-rate': { kind: 'number', value: 'R', help: 'highest learning rate' },
    'batch-size': { kind: 'number', value: 'N', help: 'conversations in a step' },
    'max-input-length': { kind: 'number', value: 'N', help: 'tokens of a prompt, at most' },
    'max-output-length': { kind: 'number', value: 'N', help: 'tokens of a reply, at most' },
    seed: { kind: 'number', value: 'N', help: 'seed of the first prefix and of the order of samples' },
    suffix: { kind: 'text', value: 'NAME', help: "a name in the tuned model's id" },
    ...splitOptions,
  },
  async run({ api, operands: [corpus], values }) {
    const file = await uploadCorpus(api, corpus!)
    const dataset = await makeDataset(api, file.id, splitOf(values), values['system-prompt'])
    reportProblems(corpus!, dataset)

    const { id } = await api.post<Job>('v1/fine_tuning/jobs', {
      model: values.base ?? 'preamble-tiny',
      training_file: dataset.id,
      suffix: values.suffix,
      seed: values.seed,
      peft: {
        num_virtual_tokens: values['virtual-tokens'],
        prefix_projection: values['prefix-projection'],
      },
      training_args: {
        num_train_epochs: values.epochs,
        // Whoever asks for epochs means epochs, also where the server would count steps.
        max_steps: values.steps ?? (values.epochs === undefined ? undefined : -1),
        learning_rate: values['learning-rate'],
        per_device_train_batch_size: values['batch-size'],
        max_input_length: values['max-input-length'],
        max_output_length: values['max-output-length'],
      },
    })
    const { job, model } = await watchJob(api, id)
    if (job.dev_loss) console.log(devLossLine(job.dev_loss))
    console.log(`${model} is ready: preamble chat ${model}`)
  },
})

/** Both dev losses and their ratio in one line. */
export const devLossLine = ({ base, tuned }: NonNullable<Job['dev_loss']>) =>
  `dev loss: base ${base.toFixed(3)}, tuned ${tuned.toFixed(3)} (${(tuned / base).toFixed(2)} × base)`
