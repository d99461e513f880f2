import { expect, test } from 'vitest'
import { command, helpOf, overview, parse } from './command.ts'

const brew = command({
  summary: 'Brew tea',
  operands: ['LEAVES'],
  options: {
    minutes: { kind: 'number', value: 'N', help: 'how long' },
    milk: { kind: 'flag', help: 'add milk' },
    cup: { kind: 'text', value: 'NAME', help: 'which cup' },
  },
  run: async () => {},
})

test('options are read by their kind, and one that was not given is absent', () => {
  expect(parse(['green', '--minutes', '3.5', '--milk'], brew)).toEqual({
    operands: ['green'],
    values: { minutes: 3.5, milk: true },
  })
})

test.each([
  [['green', '--sugar'], "Unknown option '--sugar'"],
  [['green', '--cup'], "Option '--cup <value>' argument missing"],
  [['green', '--milk=2'], "Option '--milk' does not take an argument"],
  [['green', '--minutes', 'three'], '--minutes wants a number, got "three"'],
  [[], 'LEAVES is missing'],
  [['green', 'black'], 'unexpected argument "black"'],
])('%j is refused in one sentence', (args, message) => {
  expect(() => parse(args, brew)).toThrow(message)
})

test('help needs no operand', () => {
  expect(parse(['--help'], brew).values).toEqual({ help: true })
})

test('the help of a command lists its operands and options', () => {
  const help = helpOf('brew', brew)
  expect(help).toContain('Usage: preamble brew LEAVES [options]')
  expect(help).toContain('  --minutes N  how long')
  expect(help).toContain('  --url URL    ')
})

test('the overview lists every command', () => {
  expect(overview({ brew })).toContain('  brew LEAVES  Brew tea')
})
