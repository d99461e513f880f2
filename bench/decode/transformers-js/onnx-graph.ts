import { create } from '@bufbuild/protobuf'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'

const types = { float32: DataType.FLOAT, int32: DataType.INT32, int64: DataType.INT64, uint8: DataType.UINT8 }
type Type = keyof typeof types

/** An ONNX graph in the making, node by node; values go by their names. */
export class OnnxGraph {
  readonly types = types
  readonly proto: GraphProto = create(GraphProtoSchema, { name: 'llama' })
  readonly #file: string
  readonly #append: (bytes: Uint8Array) => void
  #offset = 0
  #count = 0

  /** @param append writes to the end of `file`, which keeps the weights */
  constructor(file: string, append: (bytes: Uint8Array) => void) {
    this.#file = file
    this.#append = append
  }

  input(name: string, type: Type, shape: readonly (number | string)[]): string {
    this.proto.input.push(valueInfo(name, type, shape))
    return name
  }

  output(name: string, type: Type, from: string): void {
    this.proto.output.push(valueInfo(name, type))
    this.proto.node.push(create(NodeProtoSchema, { opType: 'Identity', input: [from], output: [name] }))
  }

  stored(name: string, type: Type, shape: readonly number[], bytes: Uint8Array): string {
    const external = { location: this.#file, offset: String(this.#offset), length: String(bytes.length) }
    this.proto.initializer.push(
      create(TensorProtoSchema, {
        ...{ name, dataType: types[type], dims: shape.map(BigInt), dataLocation: DataLocation.EXTERNAL },
        externalData: Object.entries(external).map(([key, value]) => ({ key, value })),
      }),
    )
    this.#append(bytes)
    this.#offset += bytes.length
    return name
  }

  int64(values: readonly number[]): string {
    const [name, rawData] = [this.#name(), new Uint8Array(BigInt64Array.from(values, BigInt).buffer)]
    const dims = [BigInt(values.length)]
    this.proto.initializer.push(create(TensorProtoSchema, { name, dataType: types.int64, dims, rawData }))
    return name
  }

  /** A node of `op`, whose domain may stand before it; whole numbers but `epsilon` are its attributes. */
  node(op: string, input: string[], attributes: Record<string, number> = {}): string {
    return this.nodes(op, input, attributes, 1)[0]!
  }

  /** The same with several outputs. */
  nodes(op: string, input: string[], attributes: Record<string, number>, outputs: number): string[] {
    const [domain, opType] = op.includes(':') ? op.split(':') : ['', op]
    const output = Array.from({ length: outputs }, () => this.#name())
    const attribute = Object.entries(attributes).map(([name, value]) =>
      name === 'epsilon'
        ? create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value })
        : create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) }),
    )
    this.proto.node.push(create(NodeProtoSchema, { domain, opType, input, output, attribute }))
    return output
  }

  #name(): string {
    return `v${this.#count++}`
  }
}

const valueInfo = (name: string, type: Type, shape?: readonly (number | string)[]) => {
  const dim = shape?.map((d) => ({
    value:
      typeof d === 'number'
        ? ({ case: 'dimValue', value: BigInt(d) } as const)
        : ({ case: 'dimParam', value: d } as const),
  }))
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: types[type], ...(dim && { shape: { dim } }) } } },
  })
}
