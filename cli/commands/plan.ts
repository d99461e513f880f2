import type { Plan } from '../../contract/job.ts'
import { readConfig } from '../api/source.ts'
import { command } from '../command.ts'
import { bar } from '../terminal/bar.ts'
import { methodOf, methodOptions } from './method.ts'
import { argsOf, argsOptions } from './training-args.ts'

export const plan = command({
  summary: 'Show how a model would be tuned so that it fits into memory',
  operands: [],
  options: {
    base: { kind: 'text', value: 'MODEL', help: 'the model to tune (default preamble-tiny)' },
    config: { kind: 'text', value: 'FILE', help: "a YAML file of ChatGLM3's scripts; options go before it" },
    ...methodOptions,
    ...argsOptions,
  },
  async run({ api, values }) {
    const peft = methodOf(values)
    const plan = await api.post<Plan>('v1/fine_tuning/plan', {
      model: values.base ?? 'preamble-tiny',
      peft,
      config: values.config === undefined ? undefined : await readConfig(values.config),
      training_args: argsOf(values),
    })
    for (const line of tableOf(plan)) console.log(line)
  },
})

/** What is chosen, and how the memory that there is would be used. */
export function tableOf(plan: Plan): string[] {
  const chosen = [
    ['model', `${plan.model}, ${plan.peft_type}`],
    ['base held as', plan.base],
    ['checkpointing', plan.gradient_checkpointing],
    ['at a time', `${plan.micro_batch} × ${plan.tokens} tokens, ${plan.accumulation} times a step`],
  ]
  const used = Object.entries({ ...plan.memory, available: plan.available }).map(([part, bytes]) => [
    part,
    `${(bytes / 2 ** 30).toFixed(2).padStart(8)} GiB  ${bar(bytes / plan.available, 32).trimEnd()}`,
  ])
  return [...chosen, ...used].map(([name, value]) => `${name!.padEnd(14)} ${value}`)
}
