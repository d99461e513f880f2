/** Several LoRAs in one batch: their factors are stacked, and each sequence has its own. */
import type { Lora } from '../adapters/lora-files.ts'
import { factorNames } from '../adapters/targets.ts'
import { add, input, matmul, reshape } from '../graph/build.ts'
import { times } from '../graph/dim.ts'
import type { Binding, LinearModule } from '../models/model.ts'
import type { Value } from '../runtime/session.ts'

/** The base with factors at each of these modules for every sequence, or once for all: A (B?, rank, in), B (B?, out, rank). */
export function withLoraSlots(base: Binding, modules: readonly LinearModule[]): Binding {
  if (modules.length === 0) return base
  const names = new Set(modules.map(({ name }) => name))
  return {
    ...base,
    adapt(module, x, y) {
      if (!names.has(module.name)) return y
      const { a, b } = factorNames(module)
      const token = reshape(x, ['B', 'T', module.in])
      const down = matmul(token, input(a, ['B?', 'rank', module.in]), { transB: true }) // (B, T, rank)
      const up = matmul(down, input(b, ['B?', module.out, 'rank']), { transB: true }) // (B, T, out)
      return add(y, reshape(up, [times('B', 'T'), module.out]))
    },
  }
}

/** Slots that stay filled while nobody uses them, at most. */
const kept = 64

/**
 * The stacked factors, a copy of what the LoRAs hold. Slot 0 adds nothing: it is for those without a LoRA. What the batch
 * does not use stays only as long as it is in memory anyway, and the stacks take no more than their limit.
 */
export class LoraSlots {
  readonly #modules: readonly LinearModule[]
  readonly #limit: number
  /** Numbers of a slot whose rank is 1. */
  readonly #width: number
  /** By LoRA, which nothing here keeps in memory. */
  readonly #slotOf = new WeakMap<Lora, number>()
  /** LoRAs by slot, the most recently used last. */
  readonly #filled = new Map<number, WeakRef<Lora>>()
  readonly #stacks = new Map<string, Float32Array>()
  /** What the last batch was fed. */
  #picked: { key: string; factors: ReadonlyMap<string, Float32Array> } | undefined
  #capacity = 0
  #rank = 0

  /** @param limit bytes that the stacks may take, unless one batch needs more */
  constructor(modules: readonly LinearModule[], limit: number) {
    this.#modules = modules
    this.#limit = limit
    this.#width = modules.reduce((sum, module) => sum + module.in + module.out, 0)
  }

  /** Of the stacks. */
  get bytes(): number {
    return 4 * this.#capacity * this.#rank * this.#width
  }

  /** What the graph is fed for sequences with these LoRAs. */
  feeds(batch: readonly (Lora | undefined)[]): Record<string, Value> {
    if (this.#modules.length === 0) return {}
    const slots = this.#slotsOf(batch)
    const alike = slots.every((slot) => slot === slots[0])
    const picked = this.#pick(alike ? slots.slice(0, 1) : slots)
    const count = alike ? 1 : slots.length
    const shape = (name: string, [rows, width]: readonly number[]): [string, Value] => [
      name,
      { data: picked.get(name)!, shape: [count, rows!, width!] },
    ]
    return Object.fromEntries(
      this.#modules.flatMap((module) => {
        const { a, b } = factorNames(module)
        return [shape(a, [this.#rank, module.in]), shape(b, [module.out, this.#rank])]
      }),
    )
  }

  /** The factors in these slots one after the other: copied only when the batch has changed, not at each of its steps. */
  #pick(slots: readonly number[]): ReadonlyMap<string, Float32Array> {
    const key = slots.join()
    if (this.#picked?.key === key) return this.#picked.factors
    const factors = new Map<string, Float32Array>()
    for (const [name, stack] of this.#stacks) {
      const size = stack.length / this.#capacity
      const own = (slot: number) => stack.subarray(slot * size, (slot + 1) * size)
      const into = slots.length === 1 ? own(slots[0]!) : new Float32Array(slots.length * size)
      if (slots.length > 1) for (const [i, slot] of slots.entries()) into.set(own(slot), i * size)
      factors.set(name, into)
    }
    this.#picked = { key, factors }
    return factors
  }

  #slotsOf(batch: readonly (Lora | undefined)[]): number[] {
    const wanted = new Set(batch.filter((lora) => lora !== undefined))
    for (const lora of wanted) {
      const slot = this.#slotOf.get(lora)
      if (slot !== undefined) this.#touch(slot, lora)
    }
    const fresh = [...wanted].filter((lora) => !this.#slotOf.has(lora))
    this.#reserve(wanted, fresh)
    const free = Array.from({ length: this.#capacity }, (_, i) => i).filter(
      (i) => i > 0 && !this.#filled.has(i),
    )
    for (const lora of fresh) {
      const slot = free.shift()!
      this.#fill(lora, slot)
      this.#slotOf.set(lora, slot)
      this.#touch(slot, lora)
    }
    return batch.map((lora) => (lora ? this.#slotOf.get(lora)! : 0))
  }

  #touch(slot: number, lora: Lora): void {
    this.#filled.delete(slot)
    this.#filled.set(slot, new WeakRef(lora))
  }

  /** Makes room for fresh LoRAs; when ranks or slots grow, all are laid out anew. */
  #reserve(wanted: ReadonlySet<Lora>, fresh: readonly Lora[]): void {
    if (fresh.length === 0 && this.#capacity > 0) return
    const rank = Math.max(1, this.#rank, ...fresh.map(rankOf))
    const most = Math.min(kept, Math.floor(this.#limit / (4 * rank * this.#width)))
    for (const [slot, known] of this.#filled) {
      const lora = known.deref()
      const full = 1 + this.#filled.size + fresh.length > most
      if (lora && (!full || wanted.has(lora))) continue
      this.#filled.delete(slot)
      if (lora) this.#slotOf.delete(lora)
    }
    const slots = 1 + this.#filled.size + fresh.length
    if (rank === this.#rank && slots <= this.#capacity) return
    this.#lay(rank, Math.max(slots, Math.min(most, Math.ceil(1.5 * this.#capacity))))
  }

  #lay(rank: number, capacity: number): void {
    const known = [...this.#filled.values()].map((each) => each.deref()).filter((lora) => lora !== undefined)
    this.#rank = rank
    this.#capacity = capacity
    this.#picked = undefined
    for (const module of this.#modules) {
      const { a, b } = factorNames(module)
      this.#stacks.set(a, new Float32Array(capacity * rank * module.in))
      this.#stacks.set(b, new Float32Array(capacity * rank * module.out))
    }
    this.#filled.clear()
    for (const [i, lora] of known.entries()) {
      this.#fill(lora, i + 1)
      this.#slotOf.set(lora, i + 1)
      this.#touch(i + 1, lora)
    }
  }

  /** Factors of a smaller rank, or none, are filled up with zeros. */
  #fill({ parameters }: Lora, slot: number): void {
    this.#picked = undefined
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

const rankOf = ({ targets }: Lora) => Math.max(...targets.map(({ rank }) => rank))
