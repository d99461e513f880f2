import { Worker } from 'node:worker_threads'

/**
 * To the thread: start a stream of values from `name(argument, stop, pause)` in a module, or several from
 * `name(argument, [{ stop, pause }, …])`, which returns as many; or signal one of the two to a stream.
 */
export type Call =
  | { id: number; type: 'start'; module: string; name: string; argument: unknown }
  | { ids: readonly number[]; type: 'start all'; module: string; name: string; argument: unknown }
  | { id: number; type: 'stop' | 'pause' }

/** `pause` asks the work behind it to come to an end by itself; what it still has to tell is told. */
export type Stream<T> = AsyncGenerator<T, void, void> & { pause(): void }

/** From the thread. */
export type Reply =
  | { id: number; type: 'value'; value: unknown }
  | { id: number; type: 'end' }
  | { id: number; type: 'error'; message: string; stack?: string; code?: unknown }

/**
 * A worker thread that runs async generators: ONNX Runtime's `run` blocks its thread, and no caller's thread may wait
 * behind it. Leaving a stream early (`break`, `return()`) stops the work behind it.
 */
export class Thread {
  readonly #worker: Worker
  /** Streams the worker has not ended yet, those that nobody reads any more included. */
  readonly #inboxes = new Map<number, Inbox>()
  #lastId = 0
  #idle: (() => void) | undefined
  #closed: Promise<void> | undefined
  /** Why nothing more can run; a worker that is gone would never answer. */
  #dead: string | undefined

  /** @param data what code in the thread finds as `workerData` */
  constructor(data?: object) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data })
    this.#worker.on('message', (reply: Reply) => this.#deliver(reply))
    this.#worker.on('error', (error: Error) => this.#fail(`the engine thread has died: ${error.message}`))
    this.#worker.on('exit', () => this.#fail('the engine thread has stopped'))
    this.#worker.unref()
  }

  /**
   * Streams what the module's exported generator function `name` yields for a cloneable argument; the work starts with
   * the first `next()`.
   * @throws what the function throws, with message, stack and `code`; or when the thread has stopped
   */
  stream<T>(module: URL, name: string, argument: unknown): Stream<T> {
    const id = ++this.#lastId
    const inbox = new Inbox()
    const start = () =>
      this.#start({ id, type: 'start', module: module.href, name, argument }, new Map([[id, inbox]]))
    return this.#read(id, inbox, start)
  }

  /** Streams that one call of the module's exported function `name` returns, `count` of them; the work starts at once. */
  streams<T>(module: URL, name: string, argument: unknown, count: number): Stream<T>[] {
    const inboxes = new Map(Array.from({ length: count }, () => [++this.#lastId, new Inbox()] as const))
    this.#start({ ids: [...inboxes.keys()], type: 'start all', module: module.href, name, argument }, inboxes)
    return [...inboxes].map(([id, inbox]) => this.#read(id, inbox))
  }

  #start(call: Call, inboxes: ReadonlyMap<number, Inbox>): void {
    this.check()
    this.#post(call) // before anything else: an argument that cannot be cloned leaves nothing behind
    for (const [id, inbox] of inboxes) this.#inboxes.set(id, inbox)
    // A worker that dies inside a run takes the process with it, so the process lives until the run is over.
    this.#worker.ref()
  }

  #read<T>(id: number, inbox: Inbox, start?: () => void): Stream<T> {
    const values = this.#values<T>(id, inbox, start)
    // A generator's own `return` waits for the value that is being awaited, and that may be an hour away.
    const leave = values.return.bind(values)
    return Object.assign(values, {
      return: () => {
        this.#signal('stop', id)
        return leave()
      },
      pause: () => this.#signal('pause', id),
    })
  }

  async *#values<T>(id: number, inbox: Inbox, start?: () => void): AsyncGenerator<T, void, void> {
    start?.()
    try {
      while (true) {
        const reply = await inbox.take()
        if (reply.type === 'end') return
        if (reply.type === 'error')
          throw Object.assign(new Error(reply.message), { code: reply.code, stack: reply.stack })
        yield reply.value as T
      }
    } finally {
      this.#signal('stop', id)
    }
  }

  /** @throws an Error that says why nothing can run any more */
  check(): void {
    if (this.#dead) throw new Error(this.#dead)
  }

  /** Stops all streams, whose readers see them end; waits until no run is in progress, and ends the thread. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#dead ??= 'the engine thread is closed'
    for (const id of this.#inboxes.keys()) this.#signal('stop', id)
    if (this.#inboxes.size > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    await this.#worker.terminate()
  }

  #signal(type: 'stop' | 'pause', id: number): void {
    if (this.#inboxes.has(id)) this.#post({ id, type })
  }

  #post(call: Call): void {
    this.#worker.postMessage(call)
  }

  #deliver(reply: Reply): void {
    this.#inboxes.get(reply.id)?.put(reply)
    if (reply.type === 'value') return
    this.#inboxes.delete(reply.id)
    if (this.#inboxes.size > 0) return
    this.#worker.unref()
    this.#idle?.()
  }

  #fail(message: string): void {
    this.#dead ??= message
    for (const id of this.#inboxes.keys()) this.#deliver({ id, type: 'error', message })
  }
}

/** Replies that wait for their reader, and a reader that waits for them. */
class Inbox {
  readonly #replies: Reply[] = []
  #wake: (() => void) | undefined

  put(reply: Reply): void {
    this.#replies.push(reply)
    this.#wake?.()
  }

  async take(): Promise<Reply> {
    while (this.#replies.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#replies.shift()!
  }
}
