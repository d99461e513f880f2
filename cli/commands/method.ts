/** The options that say what is trained on the base. */
import { UsageError, type Values } from '../command.ts'

/** By method, PEFT's name for it and the options that are its own. */
const methods = {
  prefix: { peft_type: 'PREFIX_TUNING', own: ['virtual-tokens', 'prefix-projection', 'init', 'init-text'] },
  lora: { peft_type: 'LORA', own: ['rank', 'lora-alpha', 'lora-dropout', 'target-modules'] },
  full: { peft_type: 'FULL', own: [] },
} as const

export const methodOptions = {
  method: { kind: 'text', value: 'NAME', help: 'prefix (default), lora, or full for all weights' },
  'virtual-tokens': { kind: 'number', value: 'N', help: 'prefix: its length (default 128)' },
  'prefix-projection': { kind: 'flag', help: 'prefix: train it through a two-layer MLP' },
  init: { kind: 'text', value: 'HOW', help: 'prefix: where it starts: random (default), zero or text' },
  'init-text': { kind: 'text', value: 'TEXT', help: 'prefix: the text it starts as, with --init text' },
  rank: { kind: 'number', value: 'R', help: 'lora: rank of its matrices (default 8)' },
  'lora-alpha': { kind: 'number', value: 'A', help: 'lora: its scale is A / R (default 8)' },
  'lora-dropout': { kind: 'number', value: 'P', help: 'lora: share of inputs dropped (default 0)' },
  'target-modules': { kind: 'text', value: 'NAMES', help: 'lora: names with commas between, or all-linear' },
} as const

/** The request's `peft`; undefined where no option says anything. */
export function methodOf(values: Values<typeof methodOptions> & { config?: string }) {
  const given = Object.keys(methodOptions).filter(
    (name) => values[name as keyof typeof methodOptions] !== undefined,
  )
  if (given.length === 0) return undefined
  if (values.config !== undefined)
    throw new UsageError(`--${given[0]} and the peft_config of --config say the same thing; give one of them`)
  const name = values.method ?? 'prefix'
  if (!Object.hasOwn(methods, name))
    throw new UsageError(`--method ${name} is not known; known: ${Object.keys(methods).join(', ')}`)
  const { peft_type, own } = methods[name as keyof typeof methods]
  const foreign = given.find((option) => option !== 'method' && !(own as readonly string[]).includes(option))
  if (foreign) throw new UsageError(`--${foreign} is no option of --method ${name}`)
  const targets = values['target-modules']
  return {
    peft_type,
    num_virtual_tokens: values['virtual-tokens'],
    prefix_projection: values['prefix-projection'],
    init_weights: values.init ?? (values['init-text'] === undefined ? undefined : 'text'),
    init_text: values['init-text'],
    r: values.rank,
    lora_alpha: values['lora-alpha'],
    lora_dropout: values['lora-dropout'],
    target_modules: targets === 'all-linear' ? targets : targets?.split(','),
  }
}
