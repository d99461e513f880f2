import { ApiError } from '../../contract/errors.ts'

/** How a server comes to its end: first it refuses what is new while the rest runs on, then the rest has to end. */
export class Lifetime {
  readonly #ending = new AbortController()
  #draining = false

  get draining(): boolean {
    return this.#draining
  }

  /** Aborted when what still runs has to end; the reason is what its client is told. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  drain(): void {
    this.#draining = true
  }

  end(): void {
    this.#draining = true
    const message = 'the server stops and has cut the answer off; ask again'
    this.#ending.abort(new ApiError('shutting_down', message))
  }
}
