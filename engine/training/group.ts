import { isOutOfMemory } from '../runtime/out-of-memory.ts'
import { inBatches, type TokenSample } from './batch.ts'
import { type Member, type Outcome, type Part, Pass } from './pass.ts'
import { Things, Turns } from './shared.ts'

/** A trainer's place in a group; who leaves lets the others go on. */
export interface Place extends AsyncDisposable {
  /** Places in its group. */
  readonly of: number
  /** Where members open the same, and where only one may be at work. */
  readonly things: Things
  readonly turns: Turns
  /** Before the first batch. */
  take(member: Member): void
  /**
   * Runs a batch once everyone in the group has one.
   * @param weight what the loss of each labelled token is multiplied with
   */
  run(samples: readonly TokenSample[], weight: number): Promise<Outcome>
}

type Request = { part: Part; resolve(outcome: Outcome): void; reject(error: unknown): void }

/** Places for `size` trainers whose batches are run together: prefixes that are alike are rows of one batch. */
export function groupOf(size: number): Place[] {
  const group = new Group()
  return Array.from({ length: size }, () => group.place(size))
}

class Group {
  readonly #here = new Set<Place>()
  #requests: Request[] = []
  readonly #things = new Things()
  readonly #turns = new Turns()
  readonly #passes = new Map<unknown, Pass>()
  /** Parts in one batch; it becomes smaller when memory does not suffice. */
  #most = Number.MAX_SAFE_INTEGER

  place(size: number): Place {
    let member: Member | undefined
    const place: Place = {
      ...{ of: size, things: this.#things, turns: this.#turns },
      take: (taken) => {
        member = taken
        this.#most = Math.min(this.#most, taken.together ?? size)
      },
      run: (samples, weight) =>
        new Promise((resolve, reject) => {
          this.#requests.push({ part: { member: member!, samples, weight }, resolve, reject })
          this.#proceed()
        }),
      [Symbol.asyncDispose]: async () => {
        if (!this.#here.delete(place)) return // a trainer leaves, and then its run
        // The graph wants to be fed its values as long as there are others.
        if (member) member.source = { parameters: Object.fromEntries(member.parameters) }
        if (this.#here.size > 0) return this.#proceed()
        for (const pass of this.#passes.values()) await pass[Symbol.asyncDispose]()
      },
    }
    this.#here.add(place)
    return place
  }

  /** Answers everyone once there is nobody else to wait for. */
  #proceed(): void {
    if (this.#requests.length < this.#here.size) return
    const alike = Map.groupBy(this.#requests, ({ part }) => kindOf(part.member))
    this.#requests = []
    void this.#answer(alike)
  }

  async #answer(alike: ReadonlyMap<unknown, Request[]>): Promise<void> {
    for (const [kind, requests] of alike) {
      try {
        const pass = this.#passes.get(kind) ?? (await Pass.open(requests.map(({ part }) => part.member)))
        this.#passes.set(kind, pass)
        await this.#run(pass, requests)
      } catch (error) {
        for (const { reject } of requests) reject(error)
      }
    }
  }

  /** Parts for which there is not memory enough at once are run by halves. */
  async #run(pass: Pass, requests: readonly Request[]): Promise<void> {
    for (const batch of inBatches(requests, this.#most)) {
      try {
        const outcomes = await pass.run(batch.map(({ part }) => part))
        for (const [i, outcome] of outcomes.entries()) batch[i]!.resolve(outcome)
      } catch (error) {
        if (batch.length === 1 || !isOutOfMemory(error)) throw error
        this.#most = Math.ceil(batch.length / 2)
        await this.#run(pass, batch)
      }
    }
  }
}

/** What members must have in common to share a graph. */
const kindOf = (member: Member): unknown =>
  member.adapter.prefix ? `${member.adapter.virtualTokens} ${member.form}` : member
