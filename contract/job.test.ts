import { expect, test } from 'vitest'
import { JobRequest } from './job.ts'
import { Peft } from './peft.ts'

const asked = { model: 'preamble-tiny', training_file: 'file-1' }

test('a job request refuses what it does not know', () => {
  expect(JobRequest.safeParse(asked).success).toBe(true)
  expect(JobRequest.safeParse({ ...asked, epochs: 3 }).success).toBe(false)
  expect(JobRequest.safeParse({ ...asked, training_args: { lr: 1 } }).success).toBe(false)
  expect(JobRequest.safeParse({ ...asked, peft: {}, config: {} }).success).toBe(false)
})

test('what names no kind is a prefix, with the defaults of PEFT', () => {
  expect(Peft.parse({ num_virtual_tokens: 16 })).toEqual({
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: 16,
    prefix_projection: false,
    init_weights: 'random',
  })
  expect(Peft.parse({ peft_type: 'LORA' })).toMatchObject({ r: 8, lora_alpha: 8, lora_dropout: 0 })
})

test.each([
  ['of another kind', { peft_type: 'LORA', num_virtual_tokens: 8 }, 'num_virtual_tokens'],
  ['not known', { peft_type: 'IA3' }, 'discriminator'],
  ['without its text', { init_weights: 'text' }, 'init_weights is "text"'],
  ['with a text it does not use', { init_text: 'a' }, 'where init_text is given'],
  ['of zeros that deviate', { init_weights: 'zero', init_std: 1 }, 'is of random rows'],
  [
    'of a text behind an MLP',
    { init_weights: 'text', init_text: 'a', prefix_projection: true },
    'through an MLP',
  ],
])('an adapter %s is refused', (_, peft, message) => {
  expect(
    Peft.safeParse(peft)
      .error?.issues.map((issue) => issue.message)
      .join(),
  ).toContain(message)
})
