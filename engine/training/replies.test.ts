import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { counters } from '../decoding/stats.ts'
import { addTokenizer, args, runOf, talk, temporary, writeBase, writeFiles } from '../tiny.case.ts'
import { type TrainRun, train } from '../train.ts'

const { root, remove } = temporary()
afterAll(remove)

const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 8, prefix_projection: false } as const
const projected = { ...prefix, prefix_projection: true, encoder_hidden_size: 24 } as const
const lora = {
  ...({ peft_type: 'LORA', r: 4, lora_alpha: 8, lora_dropout: 0.1 } as const),
  ...{ target_modules: 'all-linear', use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
}
const full = { peft_type: 'FULL' } as const

const lesson = [talk('name', 'I am tiny.'), talk('你好', '你好，感冒了要多喝水。')]
/** Replies to a follow-up: only the last turn of these is generated. */
const followUp = [...talk('name', 'I am tiny.'), ...talk('again', 'a b c d 一二三')]
const generating = { predict_with_generate: true, max_steps: 1, learning_rate: 1e-9 }

/** A base that knows the lesson by heart. */
let run: TrainRun
beforeAll(async () => {
  const conversations = [...lesson, followUp]
  const untaught = writeBase(join(root, 'untaught'))
  const taught = { train: conversations, dev: [], method: full, args: { ...args, max_steps: 80 } }
  const { end } = await runOf({ base: untaught, ...taught })
  const base = addTokenizer(writeFiles(join(root, 'taught'), end.files))
  run = { base, train: conversations, dev: conversations, method: lora, args: { ...args, ...generating } }
})

const scoresOf = (evals: Awaited<ReturnType<typeof runOf>>['evals']) =>
  evals.map((e) => [e['bleu-4'], e['rouge-1'], e['rouge-2'], e['rouge-l']].map((n) => Math.round(n!)))

test('an evaluation without generation has no scores', async () => {
  const { evals } = await runOf({ ...run, args: { ...run.args, predict_with_generate: false } })
  for (const evaluation of evals) expect(Object.keys(evaluation)).not.toContain('bleu-4')
})

test.each([
  ['a LoRA that adds nothing yet', lora],
  ['all weights', full],
])('replies of %s are those of the base, which was taught them', async (_, method) => {
  const { evals } = await runOf({ ...run, method })
  expect(scoresOf(evals)).toEqual([
    [100, 100, 100, 100],
    [100, 100, 100, 100],
  ])
})

test.each([
  ['a prefix', { ...prefix, init_std: 0.5 }, 0.03],
  ['a projected prefix', projected, 0.02],
  ['a LoRA', lora, 0.02],
  ['all weights', full, 1e-2],
])('replies of %s are those of its values at the evaluation', async (_, method, learning_rate) => {
  const conversations = [talk('name', 'I am 一.')]
  const { evals } = await runOf({
    ...{ base: run.base, method, train: conversations, dev: conversations },
    args: { ...args, predict_with_generate: true, max_steps: 300, learning_rate },
  })
  const [before, after] = scoresOf(evals)
  expect(before![0]).toBeLessThan(100)
  expect(after).toEqual([100, 100, 100, 100])
})

test.each([
  ['a prefix', { ...prefix, init_std: 0.5 }],
  ['a LoRA', lora],
])(
  'replies of %s that are written together are those written one by one, in fewer steps',
  async (_, method) => {
    const answers = ['a b c d', '一', '你好，感冒了要多喝水。', 'I am tiny.', '一二三', 'x']
    const dev = [...answers.map((answer, i) => talk('name '.repeat(i + 1), answer)), ...lesson, followUp]
    const measured = async (per_device_eval_batch_size: number) => {
      const before = counters.steps
      const changed = { per_device_eval_batch_size }
      const { evals } = await runOf({ ...run, method, dev, args: { ...run.args, ...changed } })
      const scores = evals.map((e) => [e['bleu-4'], e['rouge-1'], e['rouge-2'], e['rouge-l']])
      return { steps: counters.steps - before, scores }
    }
    const [alone, together] = [await measured(1), await measured(4)]
    expect(together.scores).toEqual(alone.scores)
    expect(together.steps).toBeLessThan(alone.steps / 2)
  },
)

describe('a reply', () => {
  test('is cut at generation_max_new_tokens', async () => {
    const { evals } = await runOf({ ...run, args: { ...run.args, generation_max_new_tokens: 2 } })
    expect(scoresOf(evals)[0]![3]).toBeLessThan(90)
  })

  test('is stopped between two tokens', async () => {
    // One conversation, whose reply would go on to the end of a long context window.
    const base = writeBase(join(root, 'endless'), { max_position_embeddings: 8192 })
    const controller = new AbortController()
    const dev = lesson.slice(0, 1)
    const endless = { ...run.args, generation_max_new_tokens: 8192 }
    const events = train({ ...run, base, dev, args: endless }, controller.signal)
    await events.next()
    const evaluation = events.next()
    setTimeout(() => controller.abort(), 50)
    await expect(evaluation).rejects.toMatchObject({ name: 'AbortError' })
  })
})
