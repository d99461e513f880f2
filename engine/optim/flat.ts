/** All parameters as one vector, and the graphs of an AdamW step over it. */
import type { Parameters } from '../adapters/adapter.ts'
import { add, concat, div, input, mul, reshape, scalar, slice, sqrt, sub, sum } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { AdamWOptions } from './adamw.ts'

type Part = { name: string; shape: readonly number[]; start: number; size: number }

/** Where each parameter lies; those that are decayed come first. */
export type Layout = { parts: readonly Part[]; decayed: number; size: number }

export function layoutOf(parameters: Parameters): Layout {
  const isDecayed = ({ shape }: { shape: readonly number[] }) => shape.length > 1
  const all = [...parameters].map(([name, { shape, data }]) => ({ name, shape, size: data.length }))
  const parts: Part[] = []
  let size = 0
  for (const part of [...all.filter(isDecayed), ...all.filter((part) => !isDecayed(part))]) {
    parts.push({ ...part, start: size })
    size += part.size
  }
  const decayed = parts.filter(isDecayed).reduce((n, part) => n + part.size, 0)
  return { parts, decayed, size }
}

/** One array made of one for each parameter. */
export function join({ parts, size }: Layout, arrayOf: (name: string) => Float32Array): Float32Array {
  const joined = new Float32Array(size)
  for (const { name, start } of parts) joined.set(arrayOf(name), start)
  return joined
}

/** The reverse, into the parameters' arrays. */
export function spread({ parts }: Layout, from: Float32Array, arrayOf: (name: string) => Float32Array): void {
  for (const { name, start, size } of parts) arrayOf(name).set(from.subarray(start, start + size))
}

/** From gradients by parameter name and `sum so far` to `sum` and its `norm`. */
export function gatherGraph({ parts, size }: Layout): Record<'sum' | 'norm', Node> {
  const joined = concat(
    parts.map((part) => reshape(input(part.name, part.shape), [part.size])),
    0,
  )
  const total = add(input('sum so far', [size]), joined)
  // A GPU adds up each row by itself; one sum over everything would be a single row.
  const width = largestPowerOfTwo(size, 1024)
  const rows = sum(reshape(mul(total, total), [size / width, width]), [1])
  return { sum: total, norm: sqrt(reshape(sum(rows), [])) }
}

/** The largest power of two up to `limit` that divides n. */
function largestPowerOfTwo(n: number, limit: number): number {
  let power = 1
  while (2 * power <= limit && n % (2 * power) === 0) power *= 2
  return power
}

/** What a step is fed beside the vectors. */
export type StepScalars = Record<'clip' | 'keep' | 'size' | 'correction', number>

/**
 * One step, from the vectors `all parameters`, `all m`, `all v` and `sum`. Gives the three anew, under `next …`, and
 * every parameter by its name.
 */
export function stepGraph({ parts, decayed, size }: Layout, options: AdamWOptions): Record<string, Node> {
  const { beta1, beta2, epsilon } = options
  const vector = (name: string) => input(name, [size])
  const fed = (name: keyof StepScalars) => input(name, [])

  const g = mul(vector('sum'), fed('clip'))
  const m = add(mul(vector('all m'), scalar(beta1)), mul(g, scalar(1 - beta1)))
  const v = add(mul(vector('all v'), scalar(beta2)), mul(mul(g, g), scalar(1 - beta2)))
  const old = vector('all parameters')
  const pieces = [
    ...(decayed > 0 ? [mul(slice(old, 0, 0, decayed), fed('keep'))] : []),
    ...(decayed < size ? [slice(old, 0, decayed, size - decayed)] : []),
  ]
  const move = div(mul(m, fed('size')), add(div(sqrt(v), fed('correction')), scalar(epsilon)))
  const parameters = sub(concat(pieces, 0), move)
  const named = parts.map(({ name, shape, start, size }) => [
    name,
    reshape(slice(parameters, 0, start, size), shape),
  ])
  return { 'next parameters': parameters, 'next m': m, 'next v': v, ...Object.fromEntries(named) }
}
