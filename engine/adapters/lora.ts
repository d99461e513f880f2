/** LoRA (Hu et al. 2021): W·x becomes W·x + scale · B·(A·x), with A and B trained and W frozen. */
import { add, input, matmul } from '../graph/build.ts'
import type { Model } from '../models/model.ts'
import { linearModules } from '../models/weight-shapes.ts'
import { linear } from '../nn/linear.ts'
import { Random } from '../random.ts'
import type { Adapter, Bindable } from './adapter.ts'
import { loraFiles } from './lora-files.ts'
import { defaultTargets, factorNames, type Target, type Targeting, targetsOf } from './targets.ts'

/** Names and meaning are PEFT's `LoraConfig`. */
export type LoraTuning = Omit<Targeting, 'target_modules'> & {
  peft_type: 'LORA'
  lora_dropout: number
  /** PEFT's choice for the model type when absent. */
  target_modules?: readonly string[] | string
}

export function loraAdapter(model: Model, base: string, options: LoraTuning): Adapter {
  const targeting = { ...options, target_modules: options.target_modules ?? defaultTargets(model.type) }
  const targets = targetsOf(linearModules(model), targeting)
  return {
    ...loraBinding(targets),
    dropout: options.lora_dropout,
    init(seed) {
      const random = new Random(seed)
      return new Map(targets.flatMap((target) => initial(target, random)))
    },
    files: async (parameters) => loraFiles(base, targeting, options.lora_dropout, parameters),
  }
}

/** How a model sees a LoRA: the factors of each target are inputs A [rank, in] and B [out, rank]. */
export function loraBinding(targets: readonly Target[]): Bindable {
  const byName = new Map(targets.map((target) => [target.module.name, target]))
  return {
    virtualTokens: 0,
    firstPosition: 0,
    bind: (base, dropout = (x) => x) => ({
      ...base,
      adapt(module, x, y) {
        const target = byName.get(module.name)
        if (!target) return y
        const { a, b } = factorNames(module)
        const down = linear(dropout(x, module.in), input(a, [target.rank, module.in])) // (N, rank)
        return add(
          y,
          matmul(down, input(b, [module.out, target.rank]), { transB: true, alpha: target.scale }),
        )
      },
    }),
  }
}

/** PEFT's start: A uniform in ±1/√in, and B zero, so that nothing is added yet. */
function initial(
  { module, rank }: Target,
  random: Random,
): [string, { shape: number[]; data: Float32Array }][] {
  const bound = 1 / Math.sqrt(module.in)
  const a = Float32Array.from({ length: rank * module.in }, () => (2 * random.uniform() - 1) * bound)
  const names = factorNames(module)
  return [
    [names.a, { shape: [rank, module.in], data: a }],
    [names.b, { shape: [module.out, rank], data: new Float32Array(module.out * rank) }],
  ]
}
