/** What a command is, how its arguments are read and how its help is printed. */
import { parseArgs } from 'node:util'
import type { Api } from './api/api.ts'

/** The command line itself is wrong: one sentence, exit code 2. */
export class UsageError extends Error {}

export type Option = {
  kind: 'text' | 'number' | 'flag'
  /** What stands for the value in the help. */
  value?: string
  help: string
}
export type Options = Record<string, Option>

type ValueOf<O extends Option> = { text: string; number: number; flag: boolean }[O['kind']]
/** The options that were given, by name; one that was not is absent. */
export type Values<O extends Options> = { [K in keyof O]?: ValueOf<O[K]> }

export type Command<O extends Options = Options> = {
  summary: string
  /** The names of its positional arguments; those in brackets may be left out. */
  operands: readonly string[]
  options: O
  run(input: Input<O>): Promise<void>
}
export type Input<O extends Options> = { api: Api; operands: string[]; values: Values<O> }

/** Lets TypeScript see a command's own option names in its `run`. */
export const command = <const O extends Options>(definition: Command<O>) => definition as unknown as Command

const commonOptions: Options = {
  url: {
    kind: 'text',
    value: 'URL',
    help: 'the server (default: PREAMBLE_URL, or http://127.0.0.1:8080); its key is read from PREAMBLE_API_KEY',
  },
  help: { kind: 'flag', help: 'print this help' },
}

/** Reads `args` against the options and operands of a command; throws UsageError with one sentence. */
export function parse(args: string[], { options, operands }: Pick<Command, 'options' | 'operands'>) {
  const known = { ...options, ...commonOptions }
  const { values: texts, positionals } = readArgs(args, known)
  const values: Record<string, string | number | boolean> = {}
  for (const [name, text] of Object.entries(texts)) {
    values[name] = known[name]?.kind === 'number' ? numberOf(name, text) : text
  }
  const required = operands.filter((operand) => !operand.startsWith('['))
  const fits = positionals.length >= required.length && positionals.length <= operands.length
  if (!values.help && !fits) throw operandError(positionals, operands)
  return { values, operands: positionals }
}

function readArgs(args: string[], options: Options) {
  const types = Object.entries(options).map(
    ([name, { kind }]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' }] as const,
  )
  try {
    const { values, positionals } = parseArgs({
      args,
      options: Object.fromEntries(types),
      allowPositionals: true,
    })
    return { values: values as Record<string, string | boolean>, positionals }
  } catch (error) {
    // Node explains at length, over several lines; its first sentence says what is wrong.
    throw new UsageError(
      String((error as Error).message)
        .split(/\.\s|\n/)[0]!
        .replace(/\.$/, ''),
    )
  }
}

function numberOf(name: string, text: string | boolean): number {
  const value = Number(text)
  if (text === '' || !Number.isFinite(value)) throw new UsageError(`--${name} wants a number, got "${text}"`)
  return value
}

function operandError(given: string[], wanted: readonly string[]): UsageError {
  const missing = wanted[given.length]
  return new UsageError(missing ? `${missing} is missing` : `unexpected argument "${given[wanted.length]}"`)
}

/** The help of one command. */
export function helpOf(name: string, { summary, operands, options }: Command): string {
  const rows = Object.entries({ ...options, ...commonOptions }).map(
    ([option, { value, help }]): Row => [`--${option}${value ? ` ${value}` : ''}`, help],
  )
  return [
    `Usage: ${['preamble', name, ...operands, '[options]'].join(' ')}`,
    '',
    `${summary}.`,
    '',
    'Options:',
    ...columns(rows),
  ].join('\n')
}

/** The help of the whole command line. */
export function overview(commands: Record<string, Command>): string {
  const rows = Object.entries(commands).map(
    ([name, { operands, summary }]): Row => [[name, ...operands].join(' '), summary],
  )
  return [
    'Usage: preamble COMMAND [options]',
    '',
    'From a text corpus to a tuned chat model. Talks to a running server (`npm start`).',
    '',
    'Commands:',
    ...columns(rows),
    '',
    'preamble COMMAND --help lists the options of a command.',
  ].join('\n')
}

type Row = [left: string, right: string]

function columns(rows: Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
