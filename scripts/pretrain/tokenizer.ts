/** `npm run pretrain:tokenizer`: learns the vocabulary of `models/preamble-tiny` and writes its tokenizer files. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { trainBpe } from './bpe.ts'
import { commonCharacters } from './skills/words.ts'
import { corpus } from './text.ts'

const out = join(import.meta.dirname, '../../models/preamble-tiny')
const size = 5120
const specials = ['<|pad|>', '<|system|>', '<|user|>', '<|assistant|>', '<|end|>']

// Chinese characters and digits stand alone; Latin words and runs of signs take the space before them along.
const pattern = '[一-鿿]|[0-9]| ?[A-Za-z]+| ?[^\\sA-Za-z0-9一-鿿]+|\\s+'

const template = [
  "{%- for message in messages -%}{%- if message.role == 'system' and not loop.first -%}",
  "{{ raise_exception('a system turn comes first') }}{%- endif -%}",
  "{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}{%- endfor -%}",
  "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}",
].join('')

/** The pieces of the training text with their counts; every common character counts, seen in the text or not. */
function pieces(): Map<string, number> {
  const counts = new Map<string, number>(commonCharacters.map((character) => [character, 20]))
  const { train } = corpus(40_000, 0, 1)
  for (const { content } of train.flat())
    for (const [piece] of content.matchAll(new RegExp(pattern, 'gu')))
      counts.set(piece, (counts.get(piece) ?? 0) + 1)
  return counts
}

const { tokens, merges } = trainBpe(pieces(), specials, size)
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: specials.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    ],
  },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges,
  },
}
const config = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  model_max_length: 1024,
  eos_token: '<|end|>',
  pad_token: '<|pad|>',
  clean_up_tokenization_spaces: false,
  chat_template: template,
}
const generation = { eos_token_id: specials.indexOf('<|end|>'), pad_token_id: 0 }

mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`)
for (const [file, content] of Object.entries({
  'tokenizer_config.json': config,
  'generation_config.json': generation,
}))
  writeFileSync(join(out, file), `${JSON.stringify(content, null, 2)}\n`)
console.log(`${tokens.length} tokens, ${merges.length} merges`)
