import { expect, test } from 'vitest'
import { merge } from './merge.ts'

const ended: string[] = []
async function* counting(name: string, to: number, failsAt = Number.POSITIVE_INFINITY) {
  try {
    for (let i = 1; i <= to; i++) {
      if (i === failsAt) throw new Error(`${name} has failed`)
      yield `${name}${i}`
    }
  } finally {
    ended.push(name)
  }
}

test('streams take turns, and each comes to its end', async () => {
  const values = await Array.fromAsync(merge([counting('a', 3), counting('b', 1), counting('c', 2)]))
  expect(values.map(({ index, value }) => `${index}:${value}`)).toEqual([
    ...['0:a1', '1:b1', '2:c1'],
    ...['0:a2', '2:c2', '0:a3'],
  ])
})

test('what one throws ends all', async () => {
  ended.length = 0
  const streams = [counting('a', 9), counting('b', 9, 2)]
  await expect(Array.fromAsync(merge(streams))).rejects.toThrow('b has failed')
  expect(ended.sort()).toEqual(['a', 'b'])
})

test('a stream that fails while nobody asks fails nothing else', async () => {
  const values = merge([counting('a', 9, 2), counting('b', 9)])
  await values.next()
  await new Promise((resolve) => setImmediate(resolve)) // by now the one that fails has failed
  await values.return(undefined)
})

test('where one fails at once, nothing is told of any', async () => {
  const values = merge([counting('a', 9), counting('b', 9, 1)])
  await expect(values.next()).rejects.toThrow('b has failed')
})
