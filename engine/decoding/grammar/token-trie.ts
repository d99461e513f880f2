/**
 * The tokens of a vocabulary by their bytes. Nodes lie in the order of a walk that visits a node before those below it, so
 * that a walk is one pass over arrays, and leaving a branch out is a jump.
 */
export class TokenTrie {
  /** The byte that leads to each node; node 0 is the root. */
  readonly byte: Uint8Array
  /** The bytes from the root to each node. */
  readonly depth: Uint16Array
  /** The first node that is not below each node. */
  readonly end: Uint32Array
  /** Tokens that end at node n: `ids` from `first[n]` to before `first[n + 1]`. */
  readonly first: Uint32Array
  readonly ids: Uint32Array
  /** Bytes of the longest token. */
  readonly longest: number

  /** @param bytes of each token id; a token without bytes is no part of any text */
  constructor(bytes: readonly Uint8Array[]) {
    const ids = bytes.flatMap((token, id) => (token.length > 0 ? [id] : []))
    ids.sort((a, b) => Buffer.compare(bytes[a]!, bytes[b]!))
    const nodes = { byte: [0], depth: [0], first: [0] }
    let before = new Uint8Array()
    for (const [at, id] of ids.entries()) {
      const token = bytes[id]!
      let shared = 0
      while (shared < before.length && before[shared] === token[shared]) shared++
      for (let i = shared; i < token.length; i++) {
        nodes.byte.push(token[i]!)
        nodes.depth.push(i + 1)
        nodes.first.push(at)
      }
      before = token as typeof before
    }
    this.byte = Uint8Array.from(nodes.byte)
    this.depth = Uint16Array.from(nodes.depth)
    this.first = Uint32Array.from([...nodes.first, ids.length])
    this.ids = Uint32Array.from(ids)
    this.longest = nodes.depth.reduce((longest, depth) => Math.max(longest, depth), 0)
    this.end = ends(this.depth)
  }
}

function ends(depth: Uint16Array): Uint32Array {
  const end = new Uint32Array(depth.length)
  const open: number[] = [] // nodes on the way from the root, by depth
  for (let node = 0; node <= depth.length; node++) {
    const above = node < depth.length ? depth[node]! : 0
    while (open.length > above) end[open.pop()!] = node
    open.push(node)
  }
  return end
}
