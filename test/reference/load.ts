/** Reads what the Python scripts beside this file wrote. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Conversation } from '../../engine/text/sample.ts'
import { decodeSafetensors } from '../../engine/weights/safetensors.ts'

const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url))

type TextReference = {
  /** Has the tokenizer's files. */
  directory: string
  texts: { text: string; ids: number[]; raw: number[]; decoded: string }[]
  chats: {
    name: string
    conversation: Conversation
    add_generation_prompt: boolean
    text: string
    ids: number[]
  }[]
}

/** What tokenizers and transformers made of texts and conversations. */
export function textReference(name: 'chatml' | 'llama2' | 'llama2-legacy'): TextReference {
  const directory = join(fixtures, 'text', name)
  return { directory, ...readJson(directory) }
}

/** Rows of token ids, and for each row the indices of the tokens that are targets. */
const stringKinds = {
  chatml: 'transformers',
  llama2: 'transformers',
  'llama2-legacy': 'transformers',
  'sp-llama': 'transformers',
  'sp-llama-legacy': 'transformers',
  gemma: 'transformers',
  unigram: 'transformers',
  'sp-gemma': 'sentencepiece',
  'sp-bpe': 'sentencepiece',
  'sp-unigram': 'sentencepiece',
  'sp-unigram-nfkc': 'sentencepiece',
  chatglm3: 'sentencepiece',
} as const
export const tokenizerKinds = Object.keys(stringKinds) as (keyof typeof stringKinds)[]

/** Tokenizer files, and the ids that transformers, or sentencepiece itself, makes of hundreds of texts. */
export function stringReference(name: keyof typeof stringKinds): {
  directory: string
  /** Special tokens' texts are their ids for transformers, and plain text for sentencepiece. */
  by: 'transformers' | 'sentencepiece'
  texts: { text: string; ids: number[] }[]
} {
  const directory = join(fixtures, 'text', name)
  const by = stringKinds[name]
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'))
  const strings = read(join(fixtures, 'text', 'strings.json')) as string[]
  const ids = read(join(directory, 'ids.json'))[by] as number[][]
  return { directory, by, texts: strings.map((text, i) => ({ text, ids: ids[i]! })) }
}

export type ReferenceBatch = { tokens: number[][]; targets: number[][] }

/** One step: the loss is the mean over targets, the norm that of all gradients together. */
type Step = { batch: ReferenceBatch; loss: number; grad_norm: number }

/** Twenty AdamW steps, each loss before its update. */
export type ReferenceRun = {
  schedule: 'constant' | 'linear' | 'cosine'
  warmup_steps: number
  learning_rate: number
  weight_decay: number
  betas: [number, number]
  eps: number
  max_grad_norm: number
  losses: number[]
}

export type Forward = {
  /** A Hugging Face directory. */
  directory: string
  forward: { batch: ReferenceBatch }
  /** A tensor's values, as `forward.logits` (B, T, V). Throws when there is none of this name. */
  tensor(name: string): Float32Array
}

type Steps = Forward & {
  virtual_tokens: number
  /** Tensors `prefix.embedding.weight` and `prefix.gradient.embedding.weight`, PEFT's `prompt_embeddings`. */
  prefix: Step
  /** Every weight trained; `norms` of its gradients by name, some of them as tensors `full.gradient.NAME`. */
  full: Step & { norms: Record<string, number> }
}

type Runs = Steps & {
  /** What the runs train on, in turn. */
  batches: ReferenceBatch[]
  /** From the parameters of `prefix`. */
  training: ReferenceRun[]
  /**
   * With `prefix_projection`: tensors `projected.NAME` and `projected.gradient.NAME`, NAME being
   * `embedding.weight`, `transform.0.weight`, …; `projected.rows` is the prefix they make.
   */
  projected: Step
  projected_training: ReferenceRun
  full_training: ReferenceRun
  /** Greedy continuations of a prompt; `prefix` is the adapter in `DIRECTORY/prefix`. */
  greedy: { prompt: number[]; base: number[]; prefix: number[] }
}

/** Logits of the base alone. */
type Variant = Forward & { greedy: { prompt: number[]; base: number[] } }

/** A family's base, with a prefix in `DIRECTORY/prefix` and a LoRA in `DIRECTORY/lora`. */
type Family = Steps & {
  /** Tensors `lora.gradient.NAME`, NAME as in PEFT's files. */
  lora: Step
  /** Every weight trained: all gradients as tensors `full.gradient.NAME`. */
  full: Step
  greedy: { prompt: number[]; base: number[]; prefix: number[]; lora: number[] }
}

export const families = ['chatglm', 'llama-lora', 'gemma', 'qwen2', 'qwen3'] as const
export const variants = [
  'chatglm-long',
  'llama3-rope',
  'llama-linear-rope',
  'llama-biased',
  'mistral',
  'qwen2-tied',
] as const

type LlamaReferences = { llama: Runs; 'llama-tied': Steps; 'llama-wide-heads': Forward }

/** What PyTorch computed with a checkpoint. */
export const llamaReference = <Name extends keyof LlamaReferences>(name: Name): LlamaReferences[Name] =>
  reference(name)
export const familyReference = (name: (typeof families)[number]): Family => reference(name)
export const variantReference = (name: (typeof variants)[number]): Variant => reference(name)
export const loraRun = (): Family & { batches: ReferenceBatch[]; lora_training: ReferenceRun } =>
  reference('llama-lora')

function reference<T>(name: string): T {
  const directory = join(fixtures, name)
  const file = join(directory, 'expected.safetensors')
  const tensors = decodeSafetensors(readFileSync(file), file)
  const tensor = (wanted: string) => {
    const found = tensors.get(wanted)?.data
    if (!found) throw new Error(`${file} has no tensor "${wanted}", only ${[...tensors.keys()].join(', ')}`)
    return found
  }
  return { directory, tensor, ...readJson(directory) } as T
}

/** What this engine trained, and the logits that PEFT and transformers give it on the batch of the family's reference. */
export function trainedReference(name: (typeof families)[number]): {
  directory: string
  /** By kind; of ChatGLM, only the prefix can be opened there. */
  logits: Partial<Record<'prefix' | 'lora' | 'full', Float32Array>>
} {
  const directory = join(fixtures, 'trained', name)
  const file = join(directory, 'peft.safetensors')
  const tensors = [...decodeSafetensors(readFileSync(file), file)]
  return { directory, logits: Object.fromEntries(tensors.map(([kind, { data }]) => [kind, data])) }
}

/** Files of `torch.save`, each with what it holds as safetensors; below `hostile`, files that must be refused. */
export const binReference = { directory: join(fixtures, 'bin') }

const readJson = (directory: string) => JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8'))

type ScoredPair = {
  reply: string
  target: string
  /** Of the reply and of the target. */
  words: [string[], string[]]
} & Record<'rouge-1' | 'rouge-2' | 'rouge-l' | 'bleu-4', number>

/** Replies as ChatGLM3's script scores them, between 0 and 1, and texts as jieba cuts them. */
export function metricsReference(): { pairs: ScoredPair[]; texts: { text: string; words: string[] }[] } {
  const read = (...path: string[]) => JSON.parse(readFileSync(join(fixtures, ...path), 'utf8'))
  const words = read('metrics', 'words.json') as string[][]
  const strings = read('text', 'strings.json') as string[]
  return {
    pairs: read('metrics', 'pairs.json'),
    texts: strings.map((text, i) => ({ text, words: words[i]! })),
  }
}
