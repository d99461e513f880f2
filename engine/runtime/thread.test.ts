import { expect, test } from 'vitest'
import { Thread } from './thread.ts'

const module = new URL('./thread.case.ts', import.meta.url)

test('a stream passes values on in order and then ends', async () => {
  const thread = new Thread()
  expect(await Array.fromAsync(thread.stream<number>(module, 'count', { to: 4 }))).toEqual([1, 2, 3, 4])
  await thread.close()
})

test('streams of one thread run side by side', async () => {
  const thread = new Thread()
  const both = [thread.stream(module, 'count', { to: 3 }), thread.stream(module, 'count', { to: 5 })]
  expect((await Promise.all(both.map((s) => Array.fromAsync(s)))).map((v) => v.length)).toEqual([3, 5])
  await thread.close()
})

test('streams of one call are read, left and paused each by itself', async () => {
  const thread = new Thread()
  const [left, paused, whole] = thread.streams<string | number>(module, 'several', {}, 3)
  await left!.return()
  expect(await paused!.next()).toMatchObject({ value: 'counting' })
  paused!.pause()
  expect(await Array.fromAsync(paused!)).toEqual([expect.stringMatching(/^paused at \d+$/)])
  expect(await Array.fromAsync(whole!)).toEqual([1, 2, 3])
  await thread.close()
})

test('an error keeps its message and its code', async () => {
  const thread = new Thread()
  const failing = Array.fromAsync(thread.stream(module, 'fail', {}))
  await expect(failing).rejects.toMatchObject({ message: 'no such adapter', code: 'invalid_adapter' })
  await thread.close()
})

test('leaving a stream early stops the work behind it', async () => {
  const thread = new Thread()
  for await (const value of thread.stream<number>(module, 'count', { to: 1e9 })) if (value === 3) break
  // The generator of the same thread says whether the first one was told to stop.
  let stopped = false
  while (!stopped)
    [stopped] = (await Array.fromAsync(thread.stream<boolean>(module, 'wasStopped', {}))) as [boolean]
  await thread.close()
})

test('a paused stream tells what it still has to tell', async () => {
  const thread = new Thread()
  const stream = thread.stream<string>(module, 'countdown', {})
  expect(await stream.next()).toMatchObject({ value: 'counting' })
  stream.pause()
  expect(await Array.fromAsync(stream)).toEqual([expect.stringMatching(/^paused at \d+$/)])
  await thread.close()
})

test('closing ends the streams that are still open', async () => {
  const thread = new Thread()
  const endless = thread.stream<number>(module, 'count', { to: 1e9 })
  await endless.next()
  await thread.close()
  const rest = await Array.fromAsync(endless)
  expect(rest.length).toBeLessThan(1e9)
})

test('returning from a stream does not wait for the value it was waiting for', async () => {
  const thread = new Thread()
  const silent = thread.stream(module, 'wait', {})
  const value = silent.next()
  await silent.return()
  expect(await value).toEqual({ done: true, value: undefined })
  await thread.close()
})

test('a stream that an abort makes throw ends when its thread is closed', async () => {
  const thread = new Thread()
  const value = thread.stream(module, 'wait', {}).next()
  await Promise.all([thread.close(), thread.close()])
  expect(await value).toEqual({ done: true, value: undefined })
})

test('a thread that is gone says so, and lets nobody wait', async () => {
  const closed = new Thread()
  await closed.close()
  await expect(closed.stream(module, 'count', { to: 1 }).next()).rejects.toThrow('is closed')

  const dead = new Thread()
  await expect(dead.stream(module, 'exit', {}).next()).rejects.toThrow('has stopped')
  await expect(dead.stream(module, 'count', { to: 1 }).next()).rejects.toThrow('has stopped')
  await dead.close()
})

test('an argument that cannot be sent leaves no stream behind', async () => {
  const thread = new Thread()
  await expect(thread.stream(module, 'count', { to: () => 3 }).next()).rejects.toThrow('could not be cloned')
  await thread.close()
})
