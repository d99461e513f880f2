import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Conversation } from '../text/sample.ts'
import { talk, temporary } from '../tiny.case.ts'
import { openConversations } from './conversations.ts'

const { root, remove } = temporary()
afterAll(remove)

/** A file as ChatGLM3's scripts have it. */
function fileOf(name: string, list: readonly Conversation[], indent?: number): string {
  const path = join(root, name)
  const entries = list.map((conversations) => ({ conversations }))
  writeFileSync(path, JSON.stringify(entries, null, indent))
  return path
}

const lesson = [talk('1?', 'one'), talk('2?', 'two')]
/** Text that looks like JSON, and is longer than what is read of a file at a time. */
const hard = ['{', '}', '"', '\\', '\\"}', '[{"a": 1}]', '感冒了', '😀', '\n', '']
const many = Array.from({ length: 4000 }, (_, i) =>
  talk(`${i}${hard[i % 10]}`, hard[(i * 7) % 9]!.repeat(i % 40)),
)

describe('conversations in files', () => {
  test.each([
    ['indented', 4],
    ['in one line', undefined],
  ])('%s come in turn, file after file, and any of them again', (_, indent) => {
    const files = [
      fileOf('first.json', many.slice(0, 3000), indent),
      fileOf('empty.json', [], indent),
      fileOf('last.json', many.slice(3000), indent),
    ]
    using source = openConversations({ files })
    expect([...source.all()]).toEqual(many)
    for (const i of [3999, 0, 2999, 3000, 1234]) expect(source.at(i)).toEqual(many[i])
  })

  test('are read when they are asked for: memory holds their places alone', () => {
    const path = fileOf('changed.json', lesson)
    using source = openConversations({ files: [path] })
    expect([...source.all()]).toHaveLength(2)
    fileOf('changed.json', [talk('1?', 'one'), talk('2?', 'TWO')])
    expect(source.at(1)).toEqual(talk('2?', 'TWO'))
  })

  test('can be read although their files were deleted after they were opened', () => {
    const path = fileOf('deleted.json', lesson)
    using source = openConversations({ files: [path] })
    rmSync(path)
    expect([...source.all()]).toEqual(lesson)
    expect(source.at(0)).toEqual(lesson[0])
  })
})
