import type { Parameters } from '../adapters/adapter.ts'
import { input } from '../graph/build.ts'
import { type Held, Resident, Session, type Value } from '../runtime/session.ts'
import { type AdamWOptions, type Moments, zeroMoments } from './adamw.ts'
import { clipScale } from './clip.ts'
import { gatherGraph, join, type Layout, layoutOf, type StepScalars, spread, stepGraph } from './flat.ts'
import type { Optimizer, OptimizerSetup } from './optimizer.ts'

const kinds = ['parameters', 'm', 'v'] as const
type Kind = (typeof kinds)[number]

type Sessions = {
  gather: Session<'norm', 'sum'>
  step: Session<never, string>
  /** Reads vectors back: a value that is kept cannot be looked into. */
  copy: Session<Kind>
}

/** AdamW as graphs: parameters, gradients and moments stay on the device, and a step reads back one number, the norm. */
export class GraphAdamW implements Optimizer {
  readonly #arrays: Parameters
  readonly #layout: Layout
  readonly #options: AdamWOptions
  readonly #maxGradNorm: number
  readonly #sessions: Sessions
  /** On the device after the first step: the three vectors, and the parameters by name. */
  #vectors: Record<Kind, Held> | undefined
  #named: Record<string, Held>
  /** Whether the arrays are those of an earlier step. */
  #stale = false
  /** What every step's sum of gradients begins with. */
  readonly #zeros: Held
  #sum: Held
  #norm = 0
  readonly moments: Moments
  steps = 0

  private constructor(setup: OptimizerSetup, layout: Layout, sessions: Sessions, zeros: Held) {
    this.#arrays = setup.parameters
    this.#options = setup.optimizer
    this.#maxGradNorm = setup.maxGradNorm
    this.#layout = layout
    this.#sessions = sessions
    this.#named = Object.fromEntries(setup.parameters)
    this.#zeros = zeros
    this.#sum = zeros
    this.moments = zeroMoments(setup.parameters)
  }

  static async open(setup: OptimizerSetup): Promise<GraphAdamW> {
    const { device, parameters, optimizer } = setup
    const layout = layoutOf(parameters)
    const step = stepGraph(layout, optimizer)
    const vector = (kind: Kind) => input(`all ${kind}`, [layout.size])
    const copies = { parameters: vector('parameters'), m: vector('m'), v: vector('v') }
    const sessions = {
      gather: await Session.open(gatherGraph(layout), { device, keep: ['sum'] }),
      step: await Session.open(step, { device, keep: Object.keys(step) }),
      copy: await Session.open(copies, { device }),
    }
    const none = [...parameters].map(([name, { shape, data }]) => [name, zeros(shape, data.length)] as const)
    const { sum } = await sessions.gather.run({
      ...Object.fromEntries(none),
      'sum so far': zeros([layout.size], layout.size),
    })
    return new GraphAdamW(setup, layout, sessions, sum)
  }

  get parameters() {
    return this.#named
  }

  zero(): void {
    this.#sumTo(this.#zeros)
  }

  async add(gradients: ReadonlyMap<string, Held>): Promise<void> {
    const { sum, norm } = await this.#sessions.gather.run({
      ...Object.fromEntries(gradients),
      'sum so far': this.#sum,
    })
    release(...gradients.values())
    this.#sumTo(sum)
    this.#norm = Number(norm.data[0])
  }

  async step(learningRate: number): Promise<number> {
    const { beta1, beta2, weightDecay } = this.#options
    this.steps += 1
    const scalars: StepScalars = {
      clip: clipScale(this.#norm, this.#maxGradNorm),
      keep: 1 - learningRate * weightDecay,
      size: learningRate / (1 - beta1 ** this.steps),
      correction: Math.sqrt(1 - beta2 ** this.steps),
    }
    const before = this.#vectors ?? this.#initial()
    const {
      'next parameters': parameters,
      'next m': m,
      'next v': v,
      ...named
    } = await this.#sessions.step.run({
      ...Object.fromEntries(kinds.map((kind) => [`all ${kind}`, before[kind]])),
      ...Object.fromEntries(Object.entries(scalars).map(([name, x]) => [name, scalarOf(x)])),
      sum: this.#sum,
    })
    release(...Object.values(before), ...Object.values(this.#named))
    this.#vectors = { parameters: parameters!, m: m!, v: v! }
    this.#named = named
    this.#stale = true
    this.zero()
    return this.#norm
  }

  async sync(): Promise<void> {
    if (!this.#vectors || !this.#stale) return
    this.#stale = false
    const feeds = Object.entries(this.#vectors).map(([kind, vector]) => [`all ${kind}`, vector] as const)
    const read = await this.#sessions.copy.run(Object.fromEntries(feeds))
    const { parameters, m, v } = read as Record<Kind, { data: Float32Array }>
    spread(this.#layout, parameters.data, (name) => this.#arrays.get(name)!.data)
    spread(this.#layout, m.data, (name) => this.moments.get(name)!.m)
    spread(this.#layout, v.data, (name) => this.moments.get(name)!.v)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.zero()
    release(this.#zeros, ...Object.values(this.#vectors ?? {}), ...Object.values(this.#named))
    for (const session of Object.values(this.#sessions)) await session[Symbol.asyncDispose]()
  }

  /** The vectors as the arrays have them. */
  #initial(): Record<Kind, Value> {
    const vector = (arrayOf: (name: string) => Float32Array): Value => ({
      data: join(this.#layout, arrayOf),
      shape: [this.#layout.size],
    })
    return {
      parameters: vector((name) => this.#arrays.get(name)!.data),
      m: vector((name) => this.moments.get(name)!.m),
      v: vector((name) => this.moments.get(name)!.v),
    }
  }

  #sumTo(sum: Held): void {
    if (this.#sum !== this.#zeros) release(this.#sum)
    this.#sum = sum
  }
}

const zeros = (shape: readonly number[], size: number): Value => ({ data: new Float32Array(size), shape })
const scalarOf = (x: number): Value => ({ data: Float32Array.of(x), shape: [] })

function release(...held: Held[]): void {
  for (const value of held) if (value instanceof Resident) value.release()
}
