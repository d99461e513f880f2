import { expect, test } from 'vitest'
import type { LinearModule } from '../models/model.ts'
import { type Targeting, targetsOf } from './targets.ts'

const modules: LinearModule[] = [
  ...['q_proj', 'v_proj'].flatMap((part) =>
    [0, 1].map((l) => ({ name: `model.layers.${l}.self_attn.${part}`, in: 8, out: 8 })),
  ),
  { name: 'model.layers.0.mlp.up_proj', in: 8, out: 16 },
  { name: 'lm_head', in: 8, out: 32, head: true },
]
const plain = { r: 8, lora_alpha: 16, use_rslora: false, rank_pattern: {}, alpha_pattern: {} }
const targets = (options: Partial<Targeting>) =>
  targetsOf(modules, { ...plain, target_modules: ['q_proj'], ...options })
const names = (target_modules: string | string[]) =>
  targets({ target_modules }).map(({ module }) => module.name)

test('modules are named by the ends of their paths, or whole', () => {
  expect(names(['q_proj'])).toEqual(['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj'])
  expect(names(['mlp.up_proj', 'lm_head'])).toEqual(['model.layers.0.mlp.up_proj', 'lm_head'])
  expect(() => names(['proj'])).toThrow('matches none')
})

test('a pattern names whole paths', () => {
  expect(names('.*\\.1\\..*')).toEqual(['model.layers.1.self_attn.q_proj', 'model.layers.1.self_attn.v_proj'])
  expect(() => names('q_proj')).toThrow('matches none of the base model')
})

test('"all-linear" is all but the head', () => {
  expect(names('all-linear')).toEqual(modules.slice(0, -1).map(({ name }) => name))
})

test('the scale is α/r, or α/√r', () => {
  expect(targets({})[0]).toMatchObject({ rank: 8, scale: 2 })
  expect(targets({ r: 16, use_rslora: true })[0]!.scale).toBe(4)
})

test('ranks and alphas of single modules follow patterns', () => {
  const own = targets({
    target_modules: 'all-linear',
    rank_pattern: { 'layers.1.self_attn.q_proj': 4, up_proj: 2 },
    alpha_pattern: { '.*\\.0\\..*v_proj': 32 },
  })
  expect(own.map(({ rank, scale }) => [rank, scale])).toEqual([
    [8, 2],
    [4, 4],
    [8, 4],
    [8, 2],
    [2, 8],
  ])
})

test.each([
  ['a wrong pattern', { target_modules: 'q_(proj' }, 'target_modules: "q_(proj" is not a regular expression'],
  ['a wrong key', { rank_pattern: { '(': 1 } }, 'rank_pattern: '],
  ['what RE2 does not know', { target_modules: '(?=q)q_proj' }, 'is not a regular expression of RE2'],
  ['nothing that is there', { target_modules: ['gate'] }, 'there are: q_proj, v_proj, up_proj, lm_head'],
])('%s is refused', (_, options, message) => {
  expect(() => targets(options)).toThrow(message)
})

test('a pattern made to take forever does not', () => {
  expect(() => names('(a+)+b'.replace('a', '[a-z._0-9]'))).toThrow('matches none')
})
