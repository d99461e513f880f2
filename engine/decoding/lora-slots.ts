/** Several LoRAs in one batch: their factors are stacked, and each sequence picks its own. */
import type { Lora } from '../adapters/lora-files.ts'
import { factorNames } from '../adapters/targets.ts'
import { add, gather, input, matmul, reshape } from '../graph/build.ts'
import { times } from '../graph/dim.ts'
import type { Binding, LinearModule } from '../models/model.ts'
import { int64 } from '../models/step.ts'
import type { Value } from '../runtime/session.ts'

/** The base with a stack of factors at each of these modules, A (S, rank, in) and B (S, out, rank), of which `slot` (B) picks. */
export function withLoraSlots(base: Binding, modules: readonly LinearModule[]): Binding {
  if (modules.length === 0) return base
  const slot = input('slot', ['B?'], 'int64')
  const names = new Set(modules.map(({ name }) => name))
  return {
    ...base,
    adapt(module, x, y) {
      if (!names.has(module.name)) return y
      const { a, b } = factorNames(module)
      const own = (name: string, rows: number | string, width: number | string) =>
        gather(input(name, ['S', rows, width]), slot)
      const token = reshape(x, ['B', 'T', module.in])
      const down = matmul(token, own(a, 'rank', module.in), { transB: true }) // (B, T, rank)
      const up = matmul(down, own(b, module.out, 'rank'), { transB: true }) // (B, T, out)
      return add(y, reshape(up, [times('B', 'T'), module.out]))
    },
  }
}

/** Slots that stay filled while nobody uses them. */
const kept = 64

/** The stacked factors. Slot 0 adds nothing: it is for those without a LoRA. */
export class LoraSlots {
  readonly #modules: readonly LinearModule[]
  /** LoRAs by slot, the most recently used last. */
  readonly #slots = new Map<Lora, number>()
  readonly #stacks = new Map<string, Float32Array>()
  #capacity = 0
  #rank = 0

  constructor(modules: readonly LinearModule[]) {
    this.#modules = modules
  }

  /** What the graph is fed for sequences with these LoRAs. */
  feeds(batch: readonly (Lora | undefined)[]): Record<string, Value> {
    if (this.#modules.length === 0) return {}
    const slots = this.#slotsOf(batch)
    const alike = slots.every((slot) => slot === slots[0])
    const shape = (name: string, [rows, width]: readonly number[]): [string, Value] => [
      name,
      { data: this.#stacks.get(name)!, shape: [this.#capacity, rows!, width!] },
    ]
    return {
      slot: alike ? int64([slots[0]!], [1]) : int64(slots, [slots.length]),
      ...Object.fromEntries(
        this.#modules.flatMap((module) => {
          const { a, b } = factorNames(module)
          return [shape(a, [this.#rank, module.in]), shape(b, [module.out, this.#rank])]
        }),
      ),
    }
  }

  #slotsOf(batch: readonly (Lora | undefined)[]): number[] {
    const wanted = new Set(batch.filter((lora) => lora !== undefined))
    for (const lora of wanted) {
      const slot = this.#slots.get(lora)
      if (slot === undefined) continue
      this.#slots.delete(lora)
      this.#slots.set(lora, slot)
    }
    for (const lora of [...this.#slots.keys()]) {
      if (this.#slots.size + 1 < kept) break
      if (!wanted.has(lora)) this.#slots.delete(lora)
    }
    const fresh = [...wanted].filter((lora) => !this.#slots.has(lora))
    this.#reserve([...this.#slots.keys(), ...fresh])
    const taken = new Set(this.#slots.values())
    const free = Array.from({ length: this.#capacity }, (_, i) => i).filter((i) => i > 0 && !taken.has(i))
    for (const lora of fresh) {
      const slot = free.shift()!
      this.#fill(lora, slot)
      this.#slots.set(lora, slot)
    }
    return batch.map((lora) => (lora ? this.#slots.get(lora)! : 0))
  }

  /** Makes room for these LoRAs; when ranks or slots grow, all are laid out anew. */
  #reserve(loras: readonly Lora[]): void {
    const rank = Math.max(
      1,
      this.#rank,
      ...loras.flatMap(({ targets }) => targets.map((target) => target.rank)),
    )
    if (rank === this.#rank && loras.length < this.#capacity) return
    this.#rank = rank
    if (loras.length >= this.#capacity)
      this.#capacity = Math.max(loras.length + 1, Math.ceil(1.5 * this.#capacity))
    for (const module of this.#modules) {
      const { a, b } = factorNames(module)
      this.#stacks.set(a, new Float32Array(this.#capacity * rank * module.in))
      this.#stacks.set(b, new Float32Array(this.#capacity * rank * module.out))
    }
    for (const [lora, slot] of this.#slots) this.#fill(lora, slot)
  }

  /** Factors of a smaller rank, or none, are filled up with zeros. */
  #fill({ parameters }: Lora, slot: number): void {
    for (const module of this.#modules) {
      const { a, b } = factorNames(module)
      const [stackA, stackB] = [this.#stacks.get(a)!, this.#stacks.get(b)!]
      const [ownA, ownB] = [parameters.get(a), parameters.get(b)]
      const [sizeA, sizeB] = [this.#rank * module.in, this.#rank * module.out]
      stackA.fill(0, slot * sizeA, (slot + 1) * sizeA)
      stackB.fill(0, slot * sizeB, (slot + 1) * sizeB)
      if (!ownA || !ownB) continue
      stackA.set(ownA.data, slot * sizeA)
      const rank = ownA.shape[0]!
      for (let row = 0; row < module.out; row++)
        stackB.set(ownB.data.subarray(row * rank, (row + 1) * rank), slot * sizeB + row * this.#rank)
    }
  }
}
