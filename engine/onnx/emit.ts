/** Writes a graph as an ONNX ModelProto whose weights stay in the checkpoint's own files. */
import { create, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { type Dim, operands, type Shape, sizeOf } from '../graph/dim.ts'
import type { Node } from '../graph/node.ts'
import type { DType } from '../graph/op.ts'
import { writtenOrder } from './order.ts'
import { type Attribute, onnxRules, type Writer } from './rules.ts'

const dataType: Record<DType, DataType> = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  uint4: DataType.UINT4,
}

/**
 * The bytes of a model that computes `outputs` by name. Weight files are located from the root directory.
 * @param rules those of the device that is to run it
 */
export function emit(outputs: Readonly<Record<string, Node>>, rules = onnxRules): Uint8Array {
  const graph = create(GraphProtoSchema, { name: 'preamble' })
  const order = writtenOrder(Object.values(outputs))
  const writer = createWriter(graph, bindSymbols(order))
  const names = new Map<Node, string>()

  for (const node of order) {
    const inputs = node.inputs.map((i) => names.get(i)!)
    names.set(node, declareSource(graph, node, names.size) ?? writeOp(rules, writer, node, inputs))
  }
  for (const [name, node] of Object.entries(outputs)) {
    graph.node.push(
      create(NodeProtoSchema, { opType: 'Identity', input: [names.get(node)!], output: [name] }),
    )
    graph.output.push(valueInfo(name, node.dtype))
  }
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: 'preamble',
    opsetImport: [
      { domain: '', version: 21n },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph,
  })
  return toBinary(ModelProtoSchema, model)
}

/** Inputs, weights and constants have no ONNX node: they are named and declared. */
function declareSource(graph: GraphProto, node: Node, id: number): string | undefined {
  switch (node.op) {
    case 'input':
      graph.input.push(valueInfo(node.attrs.name, node.dtype, node.shape))
      return node.attrs.name
    case 'weight': {
      const { name, constant, at } = node.attrs
      if (graph.initializer.some((known) => known.name === name))
        throw new Error(`two weights are called "${name}"`)
      const { file, offset, length } = at
      // An initializer that is an input too could be fed another value, so that nothing is computed with it ahead.
      if (!constant) graph.input.push(valueInfo(name, node.dtype, node.shape))
      const external = { location: file.replace(/^\/+/, ''), offset: String(offset), length: String(length) }
      graph.initializer.push(
        create(TensorProtoSchema, {
          name,
          dims: fixed(node.shape),
          dataType: dataType[node.dtype],
          dataLocation: DataLocation.EXTERNAL,
          externalData: Object.entries(external).map(([key, value]) => ({ key, value })),
        }),
      )
      return name
    }
    case 'constant': {
      const name = `constant_${id}`
      graph.initializer.push(tensor(name, node.shape, node.dtype, node.attrs.data))
      return name
    }
    default:
      return undefined
  }
}

const writeOp = (rules: typeof onnxRules, writer: Writer, node: Node, inputs: readonly string[]): string =>
  (rules[node.op] as (w: Writer, node: Node, ...inputs: string[]) => string)(writer, node, ...inputs)

/** Where each symbol's value can be read at run time: an axis of an input. */
function bindSymbols(order: readonly Node[]): Map<string, { input: string; axis: number }> {
  const bound = new Map<string, { input: string; axis: number }>()
  for (const node of order) {
    if (node.op !== 'input') continue
    node.shape.forEach((dim, axis) => {
      if (typeof dim === 'string' && !bound.has(dim)) bound.set(dim, { input: node.attrs.name, axis })
    })
  }
  return bound
}

function createWriter(graph: GraphProto, symbols: ReturnType<typeof bindSymbols>): Writer {
  let count = 0
  const shared = new Map<string, string>()
  /** One value for each distinct key: constants and shapes recur in every layer. */
  const once = (key: string, make: () => string): string => {
    const name = shared.get(key) ?? make()
    shared.set(key, name)
    return name
  }
  const initializer = (dtype: DType, shape: Shape, data: Float32Array | BigInt64Array): string => {
    const name = `c${count++}`
    graph.initializer.push(tensor(name, shape, dtype, data))
    return name
  }
  const node: Writer['node'] = (op, input, attributes = {}) => {
    const [domain, opType] = op.includes(':') ? op.split(':') : ['', op]
    const output = `v${count++}`
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value))
    graph.node.push(
      create(NodeProtoSchema, { domain, opType, input: [...input], output: [output], attribute }),
    )
    return output
  }
  const ints: Writer['ints'] = (values) =>
    once(`ints ${values}`, () => initializer('int64', [values.length], BigInt64Array.from(values, BigInt)))

  const dim = (d: Dim): string => {
    if (typeof d === 'number') return ints([d])
    return once(`dim ${d}`, () => {
      const at = symbols.get(d)
      if (at) return node('Shape', [at.input], { start: at.axis, end: at.axis + 1 })
      const composite = operands(d)
      if (!composite) throw new Error(`no input has an axis named ${d}: its size is unknown at run time`)
      const op = composite.op === 'sum' ? 'Add' : 'Mul'
      return composite.of.map(dim).reduce((a, b) => node(op, [a, b]))
    })
  }
  const shape: Writer['shape'] = (dims) => {
    if (dims.every((d) => typeof d === 'number')) return ints(dims)
    return once(`shape ${dims}`, () => node('Concat', dims.map(dim), { axis: 0 }))
  }
  const reshape: Writer['reshape'] = (from, to) => {
    const known = to.map((d, i) => (typeof d === 'number' ? d : d === from[i] ? 0 : -1)) // 0: as in the input
    return known.filter((d) => d === -1).length <= 1 ? ints(known) : shape(to)
  }
  const float: Writer['float'] = (value) =>
    once(`float ${value}`, () => initializer('float32', [], Float32Array.of(value)))
  const filled: Writer['filled'] = (dtype, dims, byte) =>
    once(`${dtype} ${dims} of ${byte}`, () => {
      const name = `c${count++}`
      const bytes = Number(sizeOf(dims)) / (dtype === 'uint4' ? 2 : 1)
      const rawData = new Uint8Array(bytes).fill(byte)
      graph.initializer.push(
        create(TensorProtoSchema, { name, dims: fixed(dims), dataType: dataType[dtype], rawData }),
      )
      return name
    })
  return { node, ints, float, filled, shape, reshape }
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    })
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float })
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) })
}

const tensor = (name: string, shape: Shape, dtype: DType, data: Float32Array | BigInt64Array) =>
  create(TensorProtoSchema, {
    name,
    dims: fixed(shape),
    dataType: dataType[dtype],
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  })

function fixed(shape: Shape): bigint[] {
  return shape.map((d) => {
    if (typeof d === 'string') throw new Error(`stored data has a fixed shape, not [${shape}]`)
    return BigInt(d)
  })
}

const valueInfo = (name: string, dtype: DType, shape?: Shape) =>
  create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: 'tensorType',
        value: create(TypeProto_TensorSchema, {
          elemType: dataType[dtype],
          ...(shape && { shape: create(TensorShapeProtoSchema, { dim: shape.map(dimension) }) }),
        }),
      },
    }),
  })

const dimension = (d: Dim) =>
  create(TensorShapeProto_DimensionSchema, {
    value: typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d },
  })
