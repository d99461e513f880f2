import { expect, test } from 'vitest'
import { serverSentEvents } from './sse.ts'

function read(...chunks: Uint8Array[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  return Array.fromAsync(serverSentEvents(body))
}
const bytes = (text: string) => new TextEncoder().encode(text)

test('events end at an empty line, and the stream at [DONE]', async () => {
  expect(await read(bytes('data: a\n\ndata:b\r\n\r\ndata: [DONE]\n\ndata: c\n\n'))).toEqual(['a', 'b'])
})

test('a character cut between two chunks arrives whole', async () => {
  const whole = bytes('data: 好\n\n')
  expect(await read(whole.slice(0, 7), whole.slice(7))).toEqual(['好'])
})

test('comments and other fields are no data', async () => {
  expect(await read(bytes(': ping\nevent: x\ndata: 1\ndata: 2\n\n'))).toEqual(['1\n2'])
})
