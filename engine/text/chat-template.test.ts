import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { textReference } from '../../test/reference/load.ts'
import { loadChatTemplate } from './chat-template.ts'
import type { Message } from './sample.ts'

describe.each(['chatml', 'llama2'] as const)('the %s template', (name) => {
  const { directory, chats } = textReference(name)
  const template = loadChatTemplate(directory)

  test.each(chats)('renders $name as transformers does', ({ conversation, add_generation_prompt, text }) => {
    const variables = { bos_token: '<s>', eos_token: '</s>' }
    expect(template(conversation, { generationPrompt: add_generation_prompt, variables })).toBe(text)
  })
})

/** A directory with these files. */
function directory(files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'template-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content)
  return path
}

const hello: Message[] = [{ role: 'user', content: 'Hello' }]
const options = { generationPrompt: false, variables: {} }
const config = (template: unknown) => JSON.stringify({ chat_template: template })

test('chat_template.jinja goes before tokenizer_config.json', () => {
  const path = directory({ 'chat_template.jinja': 'file', 'tokenizer_config.json': config('config') })
  expect(loadChatTemplate(path)(hello, options)).toBe('file')
})

test('of several named templates the one named default is taken', () => {
  const named = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'chat' },
  ]
  const path = directory({ 'tokenizer_config.json': config(named) })
  expect(loadChatTemplate(path)(hello, options)).toBe('chat')
})

test('a template that speaks of tools is given their turns as they are, another one refuses them', () => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: { x: 1 } } } as const
  const turns: Message[] = [
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', content: 'y', tool_call_id: 'c' },
  ]
  const source = `{%- for m in messages -%}{%- if m.role == "tool" -%}{{ m.tool_call_id }}={{ m.content }}
{%- else -%}{%- for call in m.tool_calls -%}{{ call.function | tojson }}{%- endfor -%}{%- endif -%}{%- endfor -%}`
  const knowing = directory({ 'chat_template.jinja': source })
  expect(loadChatTemplate(knowing)(turns, options)).toBe('{"name": "f", "arguments": {"x": 1}}c=y')
  const plain = directory({ 'chat_template.jinja': '{{ messages[0].role }}' })
  for (const turn of turns)
    expect(() => loadChatTemplate(plain)([turn], options)).toThrow('it knows no tool calls')
})

test("a template's own objection comes with the file's name", () => {
  const path = directory({ 'chat_template.jinja': "{{ raise_exception('no system turn, please') }}" })
  expect(() => loadChatTemplate(path)(hello, options)).toThrow(
    /chat template in .*chat_template\.jinja failed: no system turn, please/,
  )
})

test.each<[problem: string, files: Record<string, string>, message: RegExp]>([
  [
    'no template',
    { 'tokenizer_config.json': '{}' },
    /has no chat template: there is no chat_template\.jinja, and/,
  ],
  ['a template that is not Jinja', { 'chat_template.jinja': '{% for %}' }, /chat_template\.jinja failed/],
  ['no default template', { 'tokenizer_config.json': config([{ name: 'rag', template: '' }]) }, /only rag/],
  [
    'a template of another type',
    { 'tokenizer_config.json': config(7) },
    /not as expected:[\s\S]*chat_template/,
  ],
])('%s is named', (_, files, message) => {
  const path = directory(files)
  expect(() => loadChatTemplate(path)).toThrow(message)
  expect(() => loadChatTemplate(path)).toThrow(path)
})
