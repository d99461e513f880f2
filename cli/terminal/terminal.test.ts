import { expect, test } from 'vitest'
import { plot } from './plot.ts'
import { duration, progressLine } from './progress.ts'
import { pad, width, wrap } from './width.ts'

test('a Chinese character takes two columns, a Latin one takes one', () => {
  expect(width('高血压 BP')).toBe(9)
  expect(pad('发烧', 6)).toBe('发烧  ')
})

test('a combining mark takes no column of its own', () => {
  expect(width('e\u0301')).toBe(1)
})

test('a wrapped line never exceeds its columns and loses nothing', () => {
  const text = '每天喝水 2000 ml，少量多次'
  const lines = wrap(text, 7)
  expect(lines.every((line) => width(line) <= 7)).toBe(true)
  expect(lines.join('')).toBe(text)
})

test('wrapping keeps the line breaks of the text', () => {
  expect(wrap('一\n二', 10)).toEqual(['一', '二'])
})

test('a plot falls from its highest value to its lowest', () => {
  expect(plot([3, 2, 1], { rows: 2 })).toEqual(['3.00 │█▁', '1.00 │██▁'])
})

test('a constant curve is a flat line', () => {
  expect(plot([2, 2, 2], { rows: 1 })).toEqual(['2.00 │▁▁▁'])
})

test('more values than columns are averaged', () => {
  expect(plot([4, 4, 0, 0], { rows: 1, columns: 2 })).toEqual(['4.00 │█▁'])
})

test('off a terminal each update is a plain line with what is left to wait', () => {
  const written: string[] = []
  let clock = 0
  const line = progressLine({ write: (text: string) => written.push(text) > 0 }, () => clock)
  line.update({ step: 10, steps: 100, loss: 2.5, tokensPerSecond: 800 })
  clock = 5_000
  line.update({ step: 60, steps: 100, loss: 1.25, tokensPerSecond: 812.4 })
  line.end()
  expect(written).toEqual([
    'step  10/100  loss 2.5000  800 tokens/s\n',
    'step  60/100  loss 1.2500  812 tokens/s  ETA 0:04\n',
  ])
})

test('off a terminal a long run takes few lines, and the last step is always told', () => {
  const written: string[] = []
  const line = progressLine({ write: (text: string) => written.push(text) > 0 })
  for (let step = 1; step <= 999; step++) line.update({ step, steps: 999, loss: 1, tokensPerSecond: 1 })
  expect(written.length).toBeLessThan(25)
  expect(written.at(-1)).toMatch(/^step 999\/999/)
})

test('on a terminal the line is redrawn, and a note stays above it', () => {
  const written: string[] = []
  const out = { isTTY: true, columns: 60, write: (text: string) => written.push(text) > 0 }
  const line = progressLine(out)
  line.update({ step: 1, steps: 2, loss: 1, tokensPerSecond: 9 })
  line.note('dev loss 0.5')
  expect(written[0]).toBe(`\r\x1b[K${'█'.repeat(12)}${'░'.repeat(12)}  step 1/2  loss 1.0000  9 tokens/s`)
  expect(written[1]).toMatch(/^\r\x1b\[Kdev loss 0\.5\n█/)
})

test('a duration has hours only when it needs them', () => {
  expect([duration(5_400), duration(65_000), duration(3_723_000)]).toEqual(['0:05', '1:05', '1:02:03'])
})
