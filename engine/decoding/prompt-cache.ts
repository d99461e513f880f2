/** Rows that stay for whoever of a tenant begins the same: an adapter's prefix, a system prompt, a conversation that goes on. */
import type { StoredAdapter } from '../adapters/peft.ts'
import type { Chunk, Chunks } from './chunks.ts'
import { chunkRows } from './graph.ts'

/** A whole chunk behind those of its parents, found by its tokens. */
type Node = { chunk: Chunk; key: string; siblings: Map<string, Node>; children: Map<string, Node> }

/** What is known of one adapter, which changes every row behind it. */
type Root = { prefix: Chunk[]; children: Map<string, Node> }

/** Whose text it is. A prefix is there for all; how fast a prompt is read must not tell what others have asked. */
type Owner = { adapter: StoredAdapter; tenant: string }

const keyOf = (tenant: string, tokens: readonly number[], chunk: number): string =>
  (chunk === 0 ? `${tenant}:` : '') + tokens.slice(chunk * chunkRows, (chunk + 1) * chunkRows).join()

export class PromptCache {
  readonly #chunks: Chunks
  /** By adapter, which nothing here keeps in memory. */
  readonly #ofAdapter = new WeakMap<StoredAdapter, Root>()
  /** The least recently used first. */
  readonly #roots = new Set<Root>()
  /** The least recently used first, and children before their parents. */
  readonly #nodes = new Set<Node>()

  constructor(chunks: Chunks) {
    this.#chunks = chunks
  }

  /** The chunks that an adapter and then these tokens begin with, as far as they are there; all of a prefix. */
  find({ adapter, tenant }: Owner, tokens: readonly number[]): Chunk[] {
    const root = this.#root(adapter)
    if (adapter.prefix && root.prefix.length === 0) root.prefix = this.#chunks.fromPrefix(adapter.prefix)
    const path = this.#walk(root, tenant, tokens)
    this.#touch(path)
    return [...root.prefix, ...path.map(({ chunk }) => chunk)]
  }

  /** Keeps the whole chunks of tokens, which stand behind an adapter's prefix; what is known is not kept twice. */
  add({ adapter, tenant }: Owner, tokens: readonly number[], chunks: readonly Chunk[]): void {
    const root = this.#root(adapter)
    const whole = chunks.slice(root.prefix.length).filter(({ length }) => length === chunkRows)
    const path = this.#walk(root, tenant, tokens.slice(0, whole.length * chunkRows))
    for (const [i, chunk] of whole.entries()) {
      if (i < path.length) continue
      const siblings = (path.at(-1) ?? root).children
      const node = { chunk, key: keyOf(tenant, tokens, i), siblings, children: new Map() }
      chunk.keep = true
      siblings.set(node.key, node)
      path.push(node)
    }
    this.#touch(path)
  }

  /** Forgets what nobody uses, the least recently used first, until there is enough room. */
  evict(enough: () => boolean): boolean {
    for (const node of this.#nodes) {
      if (enough()) return true
      // What stands behind it could not be found any more.
      if (node.chunk.users.size > 0 || node.children.size > 0) continue
      this.#chunks.forget(node.chunk)
      this.#nodes.delete(node)
      node.siblings.delete(node.key)
    }
    for (const root of this.#roots) {
      if (enough()) return true
      if (root.children.size > 0 || root.prefix.some(({ users }) => users.size > 0)) continue
      for (const chunk of root.prefix) this.#chunks.forget(chunk)
      root.prefix = []
      this.#roots.delete(root)
    }
    return enough()
  }

  #walk(root: Root, tenant: string, tokens: readonly number[]): Node[] {
    const path: Node[] = []
    let next: Node | undefined
    while ((path.length + 1) * chunkRows <= tokens.length) {
      next = (next ?? root).children.get(keyOf(tenant, tokens, path.length))
      if (!next) break
      path.push(next)
    }
    return path
  }

  #touch(path: readonly Node[]): void {
    for (const node of path.toReversed()) {
      this.#nodes.delete(node)
      this.#nodes.add(node)
    }
  }

  #root(adapter: StoredAdapter): Root {
    const root = this.#ofAdapter.get(adapter) ?? { prefix: [], children: new Map() }
    this.#ofAdapter.set(adapter, root)
    this.#roots.delete(root)
    this.#roots.add(root)
    return root
  }
}
