/** Zip files byte by byte, for tests of what no honest program writes. */
import { crc32, deflateRawSync } from 'node:zlib'

export type Crafted = {
  name: string
  data: string | Uint8Array
  /** What the headers claim; the truth where absent. */
  uncompressedSize?: number
  crc?: number
  /** Bytes that the packed data claims beyond its own. */
  beyond?: number
  flags?: number
  /** Unix mode, as for 0o120777, a symbolic link. */
  mode?: number
  /** The name in the header before the data. */
  localName?: string
  /** Points to the data of the entry of this index instead of its own. */
  sameAs?: number
}

/** A deflated zip file of these entries. */
export function craftZip(entries: readonly Crafted[]): Uint8Array<ArrayBuffer> {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const entry of entries) {
    const data = Buffer.from(entry.data as string)
    const packed = deflateRawSync(data)
    const common = (name: Buffer) => {
      const fields = Buffer.alloc(26)
      fields.writeUInt16LE(20, 0) // version needed
      fields.writeUInt16LE(entry.flags ?? 0x800, 2) // names are UTF-8
      fields.writeUInt16LE(8, 4) // deflated
      fields.writeUInt16LE(0x21, 8) // 1980-01-01
      fields.writeUInt32LE(entry.crc ?? crc32(data), 10)
      fields.writeUInt32LE(packed.length + (entry.beyond ?? 0), 14)
      fields.writeUInt32LE(entry.uncompressedSize ?? data.length, 18)
      fields.writeUInt16LE(name.length, 22)
      return fields
    }
    const name = Buffer.from(entry.name)
    const localName = Buffer.from(entry.localName ?? entry.name)
    const offset = entry.sameAs === undefined ? at : offsets[entry.sameAs]!
    offsets.push(offset)
    if (entry.sameAs === undefined) {
      const local = Buffer.concat([Buffer.from('PK\x03\x04'), common(localName), localName, packed])
      parts.push(local)
      at += local.length
    }
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x03'), common(name), rest, name) // made on Unix
  }
  const table = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(table.length, 12)
  end.writeUInt32LE(at, 16)
  return new Uint8Array(Buffer.concat([...parts, table, end]))
}
