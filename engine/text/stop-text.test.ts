import { expect, test } from 'vitest'
import { StopText } from './stop-text.ts'

/** What comes out of each piece, and at the end. */
function through(stops: string[], pieces: string[]) {
  const stop = new StopText(stops)
  return { out: [...pieces.map((piece) => stop.push(piece)), stop.end()], stopped: stop.stopped }
}

test('text without a stop text passes at once', () => {
  expect(through([], ['ab', 'c'])).toEqual({ out: ['ab', 'c', ''], stopped: false })
})

test('a stop text that spans pieces ends the text before it', () => {
  expect(through(['END'], ['one E', 'N', 'D two'])).toEqual({ out: ['one ', '', '', ''], stopped: true })
})

test('what only looked like a stop text is let go', () => {
  expect(through(['END'], ['one E', 'N', 'E'])).toEqual({ out: ['one ', '', 'EN', 'E'], stopped: false })
})

test('the earliest of several stop texts counts', () => {
  expect(through(['。', '，'], ['好，是。'])).toEqual({ out: ['好', ''], stopped: true })
})
