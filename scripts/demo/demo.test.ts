import { expect, test } from 'vitest'
import { sideBySide } from './side-by-side.ts'
import { similarity } from './similarity.ts'

test('the same words are similar to the full, no common words not at all', () => {
  expect(similarity('多喝温水', '多喝 温水')).toBe(1)
  expect(similarity('多喝温水', '按时吃药')).toBe(0)
})

test('half of the words make half of the similarity', () => {
  // 多喝, 喝水 of one; 多喝, 喝茶 of the other: 2 · 1 / 4.
  expect(similarity('多喝水', '多喝茶')).toBe(0.5)
})

test('saying a thing over and over earns nothing', () => {
  expect(similarity('喝水喝水喝水', '喝水')).toBeLessThan(similarity('喝水', '喝水'))
})

test('columns stand straight, whatever the width of the characters', () => {
  expect(sideBySide(['多喝水', 'ab'], 4)).toEqual(['多喝 │ ab', '水   │'])
})
