/** What the JSON formats have in common: `{"q","a"}`, and turns as `conversations` or, as OpenAI has it, `messages`. */
import { type ParseError, parse as parseJsonc, printParseErrorCode } from 'jsonc-parser'
import type { Problem } from '../contract/dataset.ts'
import { checkOrder, isRole, type Turn } from './conversation.ts'
import type { Problems } from './problems.ts'

type Place = Pick<Problem, 'line' | 'path'>

/** @param place of an offset into the text; what is no JSON is reported there */
export function parseJson(
  text: string,
  place: (offset: number) => Pick<Problem, 'line' | 'column'>,
  problems: Problems,
): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // V8 does not tell where; this parser does.
    const errors: ParseError[] = []
    parseJsonc(text, errors, { disallowComments: true })
    const [first] = errors
    const reason = first ? printParseErrorCode(first.error) : 'it ends too early'
    reportInvalid(reason, place(first?.offset ?? text.trimEnd().length), problems)
    return undefined
  }
}

export const reportInvalid = (reason: string, at: Pick<Problem, 'line' | 'column'>, problems: Problems) =>
  problems.error('invalid_json', `no valid JSON here (${reason})`, at)

/** The turns of a conversation, or undefined where it is none; what is wrong with it is reported. */
export function readTurns(value: unknown, index: number, at: Place, problems: Problems): Turn[] | undefined {
  const before = problems.total
  const turns = turnsOf(value, index, at, problems)
  return problems.total === before ? turns : undefined
}

function turnsOf(entry: unknown, index: number, at: Place, problems: Problems): Turn[] | undefined {
  const wrong = (path: string, expected: string, found: unknown) =>
    problems.error('unexpected_shape', `expected ${expected}, found ${kindOf(found)}`, {
      ...at,
      path: `${at.path}${path}`,
    })
  if (!isObject(entry)) {
    wrong('', 'an object', entry)
    return undefined
  }
  if ('q' in entry || 'a' in entry) {
    const texts = (['q', 'a'] as const).map((key) => {
      const value = entry[key]
      if (typeof value !== 'string') wrong(`.${key}`, 'a string', value)
      else if (value.trim() === '')
        problems.error('empty_content', `conversation ${index + 1}: "${key}" is empty`, {
          ...at,
          path: `${at.path}.${key}`,
        })
      return String(value)
    })
    return [
      { role: 'user', content: texts[0]! },
      { role: 'assistant', content: texts[1]! },
    ]
  }
  const key = 'messages' in entry ? 'messages' : 'conversations'
  const list = entry[key]
  if (!Array.isArray(list) || list.length === 0) {
    wrong(`.${key}`, 'an array of {"role", "content"} with at least two turns', list)
    return undefined
  }
  const path = (t: number) => `.${key}[${t}]`
  const turns = list.flatMap((turn: unknown, t): Turn[] => {
    if (!isObject(turn)) wrong(path(t), 'an object with "role" and "content"', turn)
    else if (!isRole(turn.role)) wrong(`${path(t)}.role`, '"system", "user" or "assistant"', turn.role)
    else if (typeof turn.content !== 'string') wrong(`${path(t)}.content`, 'a string', turn.content)
    else return [{ role: turn.role, content: turn.content }]
    return []
  })
  if (turns.length === list.length)
    checkOrder(turns, index, (t) => ({ ...at, path: `${at.path}${path(t)}` }), problems)
  return turns
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What was found instead, in words that give nothing of the corpus away but short names. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  if (typeof value === 'string') return value.length <= 20 ? JSON.stringify(value) : 'another string'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
