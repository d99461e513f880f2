import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'

/**
 * Which rooms a room may import from. Arrows go one way:
 * services → {contract, corpus, engine, infra}, corpus → {contract, infra}, infra → contract, engine → nothing of ours.
 */
const allowed: Record<string, string[]> = {
  contract: [],
  engine: [],
  infra: ['contract'],
  corpus: ['contract', 'infra'],
  services: ['contract', 'corpus', 'engine', 'infra'],
  cli: ['contract'],
}
const root = join(import.meta.dirname, '..')
const specifiers = /(?:from\s+|import\s*\(\s*|import\s+|new URL\(\s*)['"]([^'"]+)['"]/g

/** Every import of the source files in `room` (tests and test fixtures aside), as [file, specifier]. */
function importsOf(room: string): [string, string][] {
  return globSync('**/*.ts', { cwd: join(root, room) })
    .filter((file) => !/\.(test|case)\.ts$/.test(file))
    .flatMap((file) =>
      [...readFileSync(join(root, room, file), 'utf8').matchAll(specifiers)].map(
        (m) => [join(room, file), m[1]!] as [string, string],
      ),
    )
}

const roomOf = (file: string, specifier: string) =>
  relative(root, join(root, dirname(file), specifier)).split(sep)[0]!

for (const [room, may] of Object.entries(allowed)) {
  test(`${room} imports from ${may.join(', ') || 'no other room'}`, () => {
    const strays = importsOf(room)
      .filter(([, specifier]) => specifier.startsWith('.') && specifier.endsWith('.ts'))
      .filter(([file, specifier]) => ![room, ...may].includes(roomOf(file, specifier)))
    expect(strays).toEqual([])
  })
}

test('contract imports zod and nothing else', () => {
  const strays = importsOf('contract').filter(([, s]) => !s.startsWith('.') && s !== 'zod')
  expect(strays).toEqual([])
})

test('services do not import one another', () => {
  const service = (path: string) => path.split(sep)[1]!
  const strays = importsOf('services')
    .filter(([file, s]) => s.startsWith('.') && file.split(sep).length > 2 && roomOf(file, s) === 'services')
    .filter(([file, s]) => service(relative(root, join(root, dirname(file), s))) !== service(file))
  expect(strays).toEqual([])
})

test('only engine/runtime imports onnxruntime-node', () => {
  const strays = Object.keys(allowed)
    .flatMap(importsOf)
    .filter(([file, s]) => s === 'onnxruntime-node' && !file.startsWith(join('engine', 'runtime')))
  expect(strays).toEqual([])
})

test('services answer streams by answerStream, so that their end is known', () => {
  const strays = globSync('**/*.ts', { cwd: join(root, 'services') }).filter((file) =>
    /\bc\.body\(|new Response\((?!\))/.test(readFileSync(join(root, 'services', file), 'utf8')),
  )
  expect(strays).toEqual([])
})
