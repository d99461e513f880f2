import { expect, test } from 'vitest'
import { llamaReference } from '../../test/reference/load.ts'
import { Decoder } from '../decoding/decoder.ts'
import { gather, input } from '../graph/build.ts'
import { topological } from '../graph/node.ts'
import { openModel } from '../models/open.ts'
import { openCheckpoint } from './checkpoint.ts'
import { frozen } from './frozen.ts'

for (const name of ['llama-tied', 'llama-wide-heads'] as const) {
  test(`${name}: weights widened at each use give the logits of those widened once`, async () => {
    const { directory } = llamaReference(name)
    const model = openModel(directory)
    const logits = async (expanded: boolean) => {
      const base = { weight: frozen(openCheckpoint(directory), expanded) }
      await using decoder = await Decoder.open(model, base, { prepack: expanded })
      return await decoder.read(decoder.start(), [5, 9, 2, 6])
    }
    const [once, each] = [await logits(true), await logits(false)]
    for (const [i, logit] of once.entries()) expect(each[i]).toBeCloseTo(logit, 5)
  })
}

test('of a narrow table the rows are picked before they are widened', () => {
  const { directory } = llamaReference('llama-wide-heads')
  const { vocabulary, hidden } = openModel(directory)
  const table = frozen(openCheckpoint(directory))('model.embed_tokens.weight', [vocabulary, hidden])
  const rows = gather(table, input('index', ['N'], 'int64'))
  expect(rows.dtype).toBe('float32')
  expect(topological([rows]).map(({ op }) => op)).toEqual(['weight', 'input', 'gather', 'cast'])
})
