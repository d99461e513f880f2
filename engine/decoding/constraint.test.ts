import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { stringReference } from '../../test/reference/load.ts'
import { Random } from '../random.ts'
import { loadTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import { openConstraint, type ReplyFormat } from './constraint.ts'
import { randomCase, withDefinitions } from './json/random-schema.case.ts'
import { sample } from './sampling.ts'

const tiny = fileURLToPath(new URL('../../models/preamble-tiny', import.meta.url))
const kinds = [
  ['byte-level BPE', stringReference('chatml').directory, 100],
  ['SentencePiece with byte fallback', stringReference('sp-llama').directory, 60],
  ['SentencePiece with rules of its own', stringReference('sp-gemma').directory, 30],
  ['preamble-tiny', tiny, 10],
] as const

const jsonSchema = (schema: unknown): ReplyFormat => ({ type: 'json_schema', schema })
const everything = { temperature: 1, topP: 1, topK: 0 }

/** A reply by random logits, which soon prefer what closes a value. */
function randomReply(format: ReplyFormat, tokenizer: Tokenizer, random: Random): string {
  const stops = new Set(tokenizer.eosIds)
  const constraint = openConstraint(format, tokenizer, stops)
  const closing = Float32Array.from({ length: tokenizer.size }, (_, id) =>
    /^["\]}]+$/.test(tokenizer.decode([id], true)) ? 1 : 0,
  )
  const stream = tokenizer.stream()
  let text = ''
  for (let length = 0; ; length++) {
    const logits = random.normal(tokenizer.size, 1).map((logit, id) => logit + closing[id]! * length)
    constraint.mask(logits)
    const token = sample(logits, everything, random)
    if (stops.has(token)) return text + stream.end()
    expect(constraint.finished).toBe(false)
    constraint.accept(token)
    text += stream.push(token)
  }
}

/** Whether the tokens of `text` are let through one by one, and an end after them. */
function isAllowed(format: ReplyFormat, tokenizer: Tokenizer, text: string): boolean {
  const [stop] = tokenizer.eosIds
  const constraint = openConstraint(format, tokenizer, new Set([stop!]))
  for (const token of [...tokenizer.encode(text), stop!]) {
    const logits = new Float32Array(tokenizer.size)
    constraint.mask(logits)
    if (logits[token] !== 0) return false
    constraint.accept(token)
  }
  return true
}

describe.each(kinds)('a vocabulary of %s', (_, directory, runs) => {
  const tokenizer = loadTokenizer(directory)

  test('random logits give a text that the schema allows', () => {
    const random = new Random(5)
    for (let i = 0; i < runs; i++) {
      const schema = withDefinitions(randomCase(random).schema)
      const text = randomReply(jsonSchema(schema), tokenizer, random)
      const validate = new Ajv2020({ strict: false }).compile(schema)
      expect(validate(JSON.parse(text)), `${JSON.stringify(schema)} gave ${text}`).toBe(true)
    }
  })

  test('a text that the schema allows comes through, compact or indented', () => {
    const random = new Random(6)
    for (let i = 0; i < runs; i++) {
      const { schema, value } = randomCase(random)
      const format = jsonSchema(withDefinitions(schema))
      for (const indent of [0, 2]) {
        const text = JSON.stringify(value(), null, indent)
        expect(isAllowed(format, tokenizer, text), `${JSON.stringify(format)} and ${text}`).toBe(true)
      }
    }
  })

  test('random logits give an object where any will do', () => {
    const random = new Random(7)
    for (let i = 0; i < 5; i++)
      expect(JSON.parse(randomReply({ type: 'json_object' }, tokenizer, random))).toBeTypeOf('object')
  })
})
