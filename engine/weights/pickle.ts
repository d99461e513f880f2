/**
 * A reader of pickles that builds plain values and executes nothing: it knows the few opcodes that a table of tensors
 * needs (Python's protocol 2), and calls nothing but the functions it is given. Everything else is refused by name.
 * Source: Python's `pickletools`, which describes every opcode.
 */

/** Numbers, texts, tuples, lists, dicts, and whatever the given functions answer. */
export type Value = null | boolean | number | string | object
export class Tuple {
  readonly items: readonly Value[]
  constructor(items: readonly Value[]) {
    this.items = items
  }
}
export class List {
  readonly items: Value[] = []
}
export class Dict {
  readonly entries = new Map<Value, Value>()
}

/** What a pickle may name: a thing of this name, or a function that it may call. */
export class Global {
  readonly name: string
  readonly call: ((args: readonly Value[]) => Value) | undefined
  constructor(name: string, call?: Global['call']) {
    this.name = name
    this.call = call
  }
}

export type Meaning = {
  /** The only names that a pickle may use, as `module.name`. */
  globals: ReadonlyMap<string, Global>
  /** What a persistent id stands for. */
  persistent(id: Value): Value
  fail(problem: string): never
}

// Python writes lists and dicts in batches of 1,000, so honest files stay far below.
const maxStack = 16_384 // values
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The one value that a pickle holds. */
export function unpickle(bytes: Uint8Array<ArrayBuffer>, meaning: Meaning): Value {
  const machine = new Machine(bytes, meaning)
  for (;;) {
    const at = machine.at
    const code = machine.u8()
    if (code === stop) return machine.end()
    const rule = rules.get(code)
    if (!rule) machine.refuse(`uses the opcode ${describe(code)} at byte ${at}`)
    rule!(machine)
  }
}

class Machine {
  at = 0
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #data: DataView
  readonly #meaning: Meaning
  readonly #memo = new Map<number, Value>()
  /** Values since the last mark, and those below each mark. */
  #stack: Value[] = []
  readonly #below: Value[][] = []
  #depth = 0

  constructor(bytes: Uint8Array<ArrayBuffer>, meaning: Meaning) {
    this.#bytes = bytes
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#meaning = meaning
  }

  refuse(problem: string): never {
    return this.#meaning.fail(`its pickle ${problem}`)
  }

  #take(length: number): number {
    const at = this.at
    if (length > this.#bytes.length - at) this.refuse(`ends at byte ${this.#bytes.length}, in an opcode`)
    this.at += length
    return at
  }
  u8 = () => this.#data.getUint8(this.#take(1))
  u16 = () => this.#data.getUint16(this.#take(2), true)
  u32 = () => this.#data.getUint32(this.#take(4), true)
  i32 = () => this.#data.getInt32(this.#take(4), true)
  f64 = () => this.#data.getFloat64(this.#take(8)) // the one big-endian number of the format

  /** A whole number of `length` bytes, two's complement. */
  long(length: number): number {
    const start = this.#take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]!)
    const number = Number(BigInt.asIntN(8 * length, value))
    return Number.isSafeInteger(number) ? number : this.refuse(`has the number ${number}, beyond 2^53`)
  }

  text(length: number): string {
    const start = this.#take(length)
    try {
      return textDecoder.decode(this.#bytes.subarray(start, start + length))
    } catch {
      return this.refuse(`has a text at byte ${start} that is not UTF-8`)
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at)
    const text = this.text((end < 0 ? this.#bytes.length : end) - this.at)
    this.#take(1)
    return text
  }

  push(value: Value): void {
    if (++this.#depth > maxStack) this.refuse(`stacks more than ${maxStack} values`)
    this.#stack.push(value)
  }

  pop(): Value {
    const value = this.#stack.pop()
    if (value === undefined) return this.refuse(`takes a value from an empty stack before byte ${this.at}`)
    this.#depth--
    return value
  }

  top<T extends object>(type: new () => T): T {
    const value = this.pop()
    if (!(value instanceof type)) return this.refuse(`fills something that is no ${type.name.toLowerCase()}`)
    this.push(value)
    return value
  }

  mark(): void {
    if (++this.#depth > maxStack) this.refuse(`stacks more than ${maxStack} values`)
    this.#below.push(this.#stack)
    this.#stack = []
  }

  popToMark(): Value[] {
    const items = this.#stack
    this.#stack = this.#below.pop() ?? this.refuse(`takes values to a mark that it never set`)
    this.#depth -= items.length + 1
    return items
  }

  remember(index: number): void {
    const value = this.pop()
    this.#memo.set(index, value)
    this.push(value)
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    if (value === undefined) this.refuse(`recalls memo ${index}, which it never set`)
    this.push(value!)
  }

  global(name: string): void {
    const found = this.#meaning.globals.get(name)
    if (!found) this.refuse(`wants ${name}, which no table of tensors needs`)
    this.push(found!)
  }

  call(): void {
    const args = this.pop()
    const callee = this.pop()
    if (callee instanceof Global && callee.call && args instanceof Tuple) this.push(callee.call(args.items))
    else this.refuse(`calls ${callee instanceof Global ? callee.name : 'something'}, which is no function`)
  }

  persistent(): void {
    this.push(this.#meaning.persistent(this.pop()))
  }

  fill(pairs: readonly Value[]): void {
    const { entries } = this.top(Dict)
    if (pairs.length % 2 !== 0) this.refuse('gives a key without a value')
    for (let i = 0; i < pairs.length; i += 2) {
      const [key, value] = [pairs[i]!, pairs[i + 1]!]
      if (typeof key === 'object' && key !== null) this.refuse('has a key that is neither text nor number')
      if (entries.has(key)) this.refuse(`has the key ${JSON.stringify(key)} twice`)
      entries.set(key, value)
    }
  }

  /**
   * Gives an object its attributes. A module's `state_dict()` is a dict with one attribute, `_metadata`: version numbers
   * that no tensor depends on. No other state is taken.
   */
  build(): void {
    const state = this.pop()
    this.top(Dict)
    const names = state instanceof Dict ? [...state.entries.keys()] : ['something']
    if (names.some((name) => name !== '_metadata')) this.refuse(`sets the attributes ${names.join(', ')}`)
  }

  end(): Value {
    const value = this.pop()
    if (this.#depth > 0) this.refuse('ends with values left over')
    if (this.at < this.#bytes.length)
      this.refuse(`ends at byte ${this.at}, but its file has ${this.#bytes.length}`)
    return value
  }
}

const code = (letter: string) => letter.charCodeAt(0)
const stop = code('.')

const rules = new Map<number, (m: Machine) => void>([
  [0x80, (m) => checkProtocol(m, m.u8())],
  [code('('), (m) => m.mark()],
  [code('N'), (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [code('J'), (m) => m.push(m.i32())],
  [code('K'), (m) => m.push(m.u8())],
  [code('M'), (m) => m.push(m.u16())],
  [0x8a, (m) => m.push(m.long(m.u8()))],
  [code('G'), (m) => m.push(m.f64())],
  [code('X'), (m) => m.push(m.text(m.u32()))],
  [code(')'), (m) => m.push(new Tuple([]))],
  [0x85, (m) => m.push(tuple(m, 1))],
  [0x86, (m) => m.push(tuple(m, 2))],
  [0x87, (m) => m.push(tuple(m, 3))],
  [code('t'), (m) => m.push(new Tuple(m.popToMark()))],
  [code(']'), (m) => m.push(new List())],
  [code('a'), (m) => append(m, [m.pop()])],
  [code('e'), (m) => append(m, m.popToMark())],
  [code('}'), (m) => m.push(new Dict())],
  [code('s'), (m) => m.fill([m.pop(), m.pop()].reverse())],
  [code('u'), (m) => m.fill(m.popToMark())],
  [code('q'), (m) => m.remember(m.u8())],
  [code('r'), (m) => m.remember(m.u32())],
  [code('h'), (m) => m.recall(m.u8())],
  [code('j'), (m) => m.recall(m.u32())],
  [code('c'), (m) => m.global(`${m.line()}.${m.line()}`)],
  [code('R'), (m) => m.call()],
  [code('Q'), (m) => m.persistent()],
  [code('b'), (m) => m.build()],
])

/** Names of what is refused, for those who wonder what the file wanted. */
const refused = new Map<number, string>(
  Object.entries({
    i: 'INST, which makes an object',
    o: 'OBJ, which makes an object',
    P: 'PERSID',
    '\x81': 'NEWOBJ, which makes an object',
    '\x82': 'EXT1',
    '\x83': 'EXT2',
    '\x84': 'EXT4',
    '\x92': 'NEWOBJ_EX, which makes an object',
    '\x93': 'STACK_GLOBAL, of a later protocol than 2',
    '\x95': 'FRAME, of a later protocol than 2',
  }).map(([letter, name]) => [code(letter), name]),
)

const describe = (opcode: number) =>
  [`0x${opcode.toString(16).padStart(2, '0')}`, refused.get(opcode)].filter(Boolean).join(' ')

function checkProtocol(m: Machine, protocol: number): void {
  if (protocol !== 2) m.refuse(`is of protocol ${protocol}; torch.save writes protocol 2`)
}

const tuple = (m: Machine, length: number) => new Tuple(Array.from({ length }, () => m.pop()).reverse())

function append(m: Machine, items: readonly Value[]): void {
  m.top(List).items.push(...items)
}
