import type { Job } from '../../contract/job.ts'
import type { Api } from '../api/api.ts'
import { makeDataset, reportProblems, uploadCorpus } from '../api/corpus.ts'
import { findSource, readConfig, type Source } from '../api/source.ts'
import { command, type Values } from '../command.ts'
import { methodOf, methodOptions } from './method.ts'
import { splitOf, splitOptions } from './split.ts'
import { argsOf, argsOptions } from './training-args.ts'
import { watchJob } from './watch.ts'

const options = {
  base: { kind: 'text', value: 'MODEL', help: 'the model to tune (default preamble-tiny)' },
  config: { kind: 'text', value: 'FILE', help: "a YAML file of ChatGLM3's scripts; options go before it" },
  ...methodOptions,
  ...argsOptions,
  seed: { kind: 'number', value: 'N', help: 'seed of the first adapter and of the order of samples' },
  suffix: { kind: 'text', value: 'NAME', help: "a name in the tuned model's id" },
  ...splitOptions,
} as const

export const tune = command({
  summary: 'Tune a model on a text corpus',
  operands: ['[CORPUS]'],
  options,
  async run({ api, operands: [corpus], values }) {
    const config =
      values.config === undefined ? undefined : { path: values.config, text: await readConfig(values.config) }
    const peft = methodOf(values)
    const files = await upload(api, await findSource(corpus, config), values)
    const { id } = await api.post<Job>('v1/fine_tuning/jobs', {
      model: values.base ?? 'preamble-tiny',
      ...files,
      suffix: values.suffix,
      seed: values.seed,
      peft,
      config: config?.text,
      training_args: argsOf(values),
    })
    const { job, model } = await watchJob(api, id)
    if (job.dev_loss) console.log(devLossLine(job.dev_loss))
    console.log(`${model} is ready: preamble chat ${model}`)
  },
})

/** A corpus becomes a dataset, whose problems are shown; a training and a dev file go as they are. */
async function upload(api: Api, { train, dev }: Source, values: Values<typeof options>) {
  const file = await uploadCorpus(api, train)
  if (dev !== undefined) return { training_file: file.id, validation_file: (await uploadCorpus(api, dev)).id }
  const dataset = await makeDataset(api, file.id, splitOf(values), values['system-prompt'])
  reportProblems(train, dataset)
  return { training_file: dataset.id }
}

/** Both dev losses and their ratio in one line. */
export const devLossLine = ({ base, tuned }: NonNullable<Job['dev_loss']>) =>
  `dev loss: base ${base.toFixed(3)}, tuned ${tuned.toFixed(3)} (${(tuned / base).toFixed(2)} × base)`
