/** The compiled graph of a training step: of one adapter, or of several whose rows share a batch. */
import type { Adapter, Bindable, Parameters } from '../adapters/adapter.ts'
import { nameBeside, sideBySide } from '../adapters/side-by-side.ts'
import type { Checkpointing } from '../grad/checkpoint.ts'
import { sizeOf } from '../graph/dim.ts'
import type { Binding, Model } from '../models/model.ts'
import { int64, ropeFeeds } from '../models/step.ts'
import type { Device } from '../runtime/device.ts'
import { type Held, Resident, Session, type Value } from '../runtime/session.ts'
import { type Batch, collate, type TokenSample } from './batch.ts'
import type { SeededDropout } from './dropout.ts'
import { type GradientName, gradientOf, trainingGraph } from './graph.ts'

/** Whose rows a batch may have. */
export type Member = {
  model: Model
  /** The frozen base, and the name of the form that it is in. */
  base: Binding
  form?: string
  adapter: Adapter
  parameters: Parameters
  /** Where the parameters are as they are now. */
  source: { readonly parameters: Readonly<Record<string, Held>> }
  /** Tokens of the longest sample, or packed row. */
  longest: number
  /** Samples may be rows that `pack` made. */
  packed?: boolean
  /** What of the forward pass is kept for the backward one; the rest is computed again. */
  checkpointing?: Checkpointing
  /** Packs the base's weights ahead, once for each direction: steps are some 5% faster, and memory holds two copies. */
  prepack?: boolean
  /** Members whose rows may share a batch, for memory's sake; all when absent. */
  together?: number
  /** The CPU by default. */
  device?: Device
  dropout?: SeededDropout
}

/** A member's rows in a batch. */
export type Part = {
  member: Member
  samples: readonly TokenSample[]
  /** What the loss of each labelled token is multiplied with. */
  weight: number
}

export type Outcome = {
  /** The weighted sum of the part's losses. */
  loss: number
  /** Of that sum, by parameter. */
  gradients: ReadonlyMap<string, Held>
  /** What the whole batch took. */
  milliseconds: number
}

type Members = readonly Member[]
type Compiled = Session<'losses', GradientName>

export class Pass implements AsyncDisposable {
  readonly #members: Members
  readonly #names: Names
  readonly #adapter: Bindable
  readonly #session: Compiled
  readonly #rope: Record<string, Value>

  private constructor(members: Members, adapter: Bindable, session: Compiled) {
    this.#members = members
    this.#names = namesOf(members)
    this.#adapter = adapter
    this.#session = session
    this.#rope = ropeFeeds(members[0]!.model, adapter.firstPosition + layoutOf(members).longest)
  }

  /** @param members one, or several prefixes of as many virtual tokens on the same base */
  static async open(members: Members): Promise<Pass> {
    const first = members[0]!
    const adapter = members.length === 1 ? first.adapter : sideBySide(members.map((m) => m.adapter))
    const parameters = new Set([...namesOf(members).values()].flatMap((names) => [...names.values()]))
    const graph = trainingGraph({ ...first, ...layoutOf(members), adapter, parameters }, first.dropout)
    const keep = [...parameters].map(gradientOf)
    const { device, prepack } = first
    return new Pass(members, adapter, await Session.open(graph, { device, keep, prepack, spin: true }))
  }

  /** Runs parts of different members as one batch, and tells what came of each. */
  async run(parts: readonly Part[]): Promise<Outcome[]> {
    const begun = performance.now()
    const { dropout } = this.#members[0]!
    const batch = collate(
      parts.flatMap((part) => part.samples),
      this.#adapter,
      layoutOf(this.#members),
    )
    const { losses, ...gradients } = await this.#session.run({
      ...batch.feeds,
      weights: weightsOf(parts, batch),
      ...(this.#members.length > 1 && { owner: ownersOf(parts, this.#members) }),
      ...dropout?.feeds(sizesOf(batch)),
      ...this.#rope,
      ...this.#parameters(),
    })
    const milliseconds = performance.now() - begun
    const sums = weightedSums(parts, losses.data as Float32Array)
    const given = parts.map(({ member }, i) => {
      const own = [...this.#names.get(member)!].map(
        ([own, name]) => [own, gradients[gradientOf(name)]!] as const,
      )
      return { loss: sums[i]!, gradients: new Map(own), milliseconds }
    })
    const taken = new Set(given.flatMap((outcome) => [...outcome.gradients.values()]))
    for (const gradient of Object.values(gradients))
      if (gradient instanceof Resident && !taken.has(gradient)) gradient.release()
    return given
  }

  #parameters(): Record<string, Held> {
    const fed = [...this.#names].flatMap(([{ source }, names]) =>
      [...names].map(([own, name]) => [name, source.parameters[own]!] as const),
    )
    return Object.fromEntries(fed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}

/** What each member's parameters are called in the graph, by what they are called alone. */
type Names = ReadonlyMap<Member, ReadonlyMap<string, string>>

const namesOf = (members: Members): Names =>
  new Map(
    members.map((member, i) => {
      const nameOf = (own: string) => (members.length === 1 ? own : nameBeside(i, own))
      return [member, new Map([...member.parameters.keys()].map((own) => [own, nameOf(own)]))]
    }),
  )

const layoutOf = (members: Members) => ({
  longest: Math.max(...members.map(({ longest }) => longest)),
  packed: members.some(({ packed }) => packed),
  // Samples of different jobs are of different lengths.
  compact: members.length > 1,
})

/** Labelled tokens come part by part; what fills up the batch weighs nothing. */
function weightsOf(parts: readonly Part[], { feeds }: Batch): Value {
  const { shape } = feeds.labels!
  const weights = parts.flatMap(({ samples, weight }) => Array<number>(labelsOf(samples)).fill(weight))
  const data = new Float32Array(shape[0]!)
  data.set(weights)
  return { data, shape }
}

function weightedSums(parts: readonly Part[], losses: Float32Array): number[] {
  let start = 0
  return parts.map(({ samples, weight }) => {
    const own = losses.subarray(start, start + labelsOf(samples))
    start += own.length
    return weight * own.reduce((sum, loss) => sum + loss, 0)
  })
}

/** The index of the member whose each row (B) is. */
function ownersOf(parts: readonly Part[], members: Members): Value {
  const owners = parts.flatMap(({ member, samples }) => samples.map(() => members.indexOf(member)))
  return int64(owners, [owners.length])
}

const labelsOf = (samples: readonly TokenSample[]) =>
  samples.reduce((n, { targets }) => n + targets.length, 0)

/** The sizes of the axes that hidden states have: all tokens of a batch, and those that are gathered. */
const sizesOf = ({ feeds }: Batch) => ({
  'B*T': sizeOf(feeds.tokens!.shape) as number,
  N: sizeOf(feeds.rows!.shape) as number,
})
