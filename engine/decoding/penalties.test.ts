import { expect, test } from 'vitest'
import { Penalties, type PenaltyOptions } from './penalties.ts'

const prompt = [0, 1]
/** The logits 4, −4, 2, 0 after these penalties, when the reply has token 2 twice and token 3 once. */
function penalized(options: PenaltyOptions): number[] {
  const penalties = new Penalties(options, prompt)
  for (const token of [2, 3, 2]) penalties.count(token)
  const logits = Float32Array.of(4, -4, 2, 0, 1)
  penalties.apply(logits)
  return [...logits]
}

test.each<[rule: string, options: PenaltyOptions, wanted: number[]]>([
  [
    'repetition divides what is positive and multiplies what is negative, of prompt and reply',
    { repetitionPenalty: 2 },
    [2, -8, 1, 0, 1],
  ],
  ['frequency counts in the reply alone', { frequencyPenalty: 0.5 }, [4, -4, 1, -0.5, 1]],
  ['presence counts once', { presencePenalty: 0.5 }, [4, -4, 1.5, -0.5, 1]],
  ['negative penalties raise', { frequencyPenalty: -1, presencePenalty: -1 }, [4, -4, 5, 2, 1]],
  [
    'a bias is added',
    {
      logitBias: new Map([
        [1, 6],
        [4, -100],
      ]),
    },
    [4, 2, 2, 0, -99],
  ],
  [
    'a bias comes before repetition, and that before presence',
    { logitBias: new Map([[1, 6]]), repetitionPenalty: 2, presencePenalty: 1 },
    [2, 1, 0, -1, 1],
  ],
  ['nothing asked for changes nothing', {}, [4, -4, 2, 0, 1]],
])('%s', (_, options, wanted) => {
  expect(penalized(options)).toEqual(wanted)
})

test('penalties that change nothing are known as none', () => {
  const neutral = { repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0, logitBias: new Map() }
  expect(new Penalties(neutral, prompt).none).toBe(true)
  expect(new Penalties({ ...neutral, presencePenalty: 0.1 }, prompt).none).toBe(false)
})
