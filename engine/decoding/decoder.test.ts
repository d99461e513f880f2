import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openModel } from '../models/open.ts'
import { Random } from '../random.ts'
import type { Decoder } from './decoder.ts'
import { openDecoder } from './open.ts'

const directory = join(import.meta.dirname, '../../models/preamble-tiny')
const model = openModel(directory)

test('tokens that lie in chunks are seen as those that are read with the next', async () => {
  await using decoder = await openDecoder(model, directory)
  const text = Array.from({ length: 100 }, (_, i) => (7 * i) % model.vocabulary)
  const atOnce = await decoder.read(decoder.start(), text)
  const inPieces = decoder.start()
  for (const [from, to] of [
    [0, 40],
    [40, 97],
    [97, 99],
  ])
    await decoder.read(inPieces, text.slice(from, to))
  for (const [i, logit] of (await decoder.read(inPieces, text.slice(99))).entries())
    expect(logit).toBeCloseTo(atOnce[i]!, 4)
})

test('in float32, the logits of a text are the same to the last bit alone and among others', async () => {
  await using decoder = await openDecoder(model, directory)
  const random = new Random(1)
  const tokens = (count: number) => Array.from({ length: count }, () => random.below(model.vocabulary))
  // Up to ten chunks; what a text writes is given, so that its steps can be done again.
  const texts = [230, 5, 138, 96, 31, 250].map((length) => ({ prompt: tokens(length), reply: tokens(40) }))
  const among = await written(decoder, texts, 3)
  for (const [i, text] of texts.entries()) {
    const [alone] = await written(decoder, [text])
    expect(among[i]).toEqual(alone!.slice(0, among[i]!.length))
  }
})

/** The logits behind each token of replies that are written together; the first one leaves after `leaves` steps. */
async function written(
  decoder: Decoder,
  texts: readonly { prompt: number[]; reply: number[] }[],
  leaves = Number.POSITIVE_INFINITY,
): Promise<Float32Array[][]> {
  const sequences = texts.map(() => decoder.start())
  const logits: Float32Array[][] = texts.map(() => [])
  for (const [i, { prompt }] of texts.entries()) {
    await decoder.read(sequences[i]!, prompt)
    decoder.chunks.write(sequences[i]!)
  }
  for (const [t] of texts[0]!.reply.entries()) {
    if (t === leaves) decoder.chunks.leave(sequences[0]!) // the last chunks of others fill its place
    const there = texts.flatMap((text, i) => (i === 0 && t >= leaves ? [] : [{ text, i }]))
    const turns = there.map(({ text, i }) => ({ sequence: sequences[i]!, tokens: [text.reply[t]!] }))
    for (const [n, row] of (await decoder.step(turns)).entries()) logits[there[n]!.i]!.push(row.slice())
  }
  for (const sequence of sequences) decoder.chunks.leave(sequence)
  return logits
}
