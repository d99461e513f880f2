import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { directoriesOf } from './base-models.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'preamble-models-'))
  for (const name of ['tiny', 'large', 'no-config']) await mkdir(join(root, name))
  for (const name of ['tiny', 'large']) await writeFile(join(root, name, 'config.json'), '{}')
  await writeFile(join(root, 'README.md'), '')
})
afterAll(() => rm(root, { recursive: true }))

test('each directory with a config.json is a base model', async () => {
  expect((await directoriesOf(root).list()).map(({ id }) => id)).toEqual(['large', 'tiny'])
  const tiny = await directoriesOf(root).find('tiny')
  expect(await tiny!.directory()).toBe(join(root, 'tiny'))
})

test('an id is a name and no path', async () => {
  for (const id of ['no-config', 'gpt-4', '../tiny', 'tiny/', '']) {
    expect(await directoriesOf(join(root)).find(id)).toBeUndefined()
  }
  expect(await directoriesOf(join(root, 'tiny')).find('../large')).toBeUndefined()
})

test('where there is no such directory there are no models', async () => {
  expect(await directoriesOf(join(root, 'none')).list()).toEqual([])
})
