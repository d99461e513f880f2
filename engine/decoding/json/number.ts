/** Numbers between two bounds, as decimals without an exponent. */
import {
  byte,
  choice,
  type Expression,
  empty,
  nothing,
  optional,
  sequence,
  text,
} from '../grammar/expression.ts'
import { digits, mostDigits } from './text.ts'

export type Bounds = { min: number; max: number; minIsOut?: boolean; maxIsOut?: boolean }

/** Digits of a number that is not negative, and how many of them stand before the point. */
type Decimal = { digits: string; whole: number }

/** Numbers within these bounds, infinite ones meaning none. Without `fraction`, whole numbers only. */
export function numberBetween({ min, max, minIsOut = false, maxIsOut = false }: Bounds, fraction: boolean) {
  const places = fraction ? mostDigits : 0
  if (min > max) return nothing
  const positive = () => magnitudes(Math.max(0, min), max, minIsOut && min >= 0, maxIsOut, places)
  const negative = () => magnitudes(Math.max(0, -max), -min, maxIsOut && max <= 0, minIsOut, places)
  return choice(max < 0 ? nothing : positive(), min < 0 ? sequence(text('-'), negative()) : nothing)
}

/** By the number of digits before the point: numbers of one length are ordered as their digits are. */
function magnitudes(
  from: number,
  to: number,
  fromIsOut: boolean,
  toIsOut: boolean,
  places: number,
): Expression {
  const low = decimal(from)
  const high = to < 10 ** mostDigits ? decimal(to) : undefined
  const options: Expression[] = []
  for (let whole = Math.max(1, low.whole); whole <= (high?.whole ?? mostDigits); whole++) {
    const lower = whole === low.whole ? low.digits : undefined
    const upper = whole === high?.whole ? high.digits : undefined
    options.push(within({ whole, places, fromIsOut, toIsOut }, lower, upper, true))
  }
  return choice(...options)
}

type Length = { whole: number; places: number; fromIsOut: boolean; toIsOut: boolean }

/**
 * Digits to come, `whole` of them before the point. `lower` and `upper` are what is left of a bound whose digits are
 * the same so far; undefined: the bound is kept, whatever comes.
 */
function within(
  length: Length,
  lower: string | undefined,
  upper: string | undefined,
  first = false,
): Expression {
  const { whole, places, fromIsOut, toIsOut } = length
  if (whole === 0) {
    const above = lower === undefined || (isZero(lower) && !fromIsOut)
    const below = upper === undefined || !isZero(upper) || !toIsOut
    const end = above && below ? empty : nothing
    return places === 0 ? end : choice(end, sequence(text('.'), fraction(length, lower, upper)))
  }
  // A number of several digits does not begin with 0.
  const least = first && whole > 1 ? 1 : 0
  return nextDigit(lower, upper, least, (lower, upper) =>
    within({ ...length, whole: whole - 1 }, lower, upper),
  )
}

/** One digit or more after the point. */
function fraction(length: Length, lower: string | undefined, upper: string | undefined): Expression {
  if (lower === undefined && upper === undefined) return digits(1, length.places)
  const { places, fromIsOut, toIsOut } = length
  if (places === 0) return nothing
  return nextDigit(lower, upper, 0, (lower, upper) => {
    const above = lower === undefined || (isZero(lower) && !fromIsOut)
    const below = upper === undefined || !isZero(upper) || !toIsOut
    const more = fraction({ ...length, places: places - 1 }, lower, upper)
    return above && below ? optional(more) : more
  })
}

function nextDigit(
  lower: string | undefined,
  upper: string | undefined,
  least: number,
  then: (lower: string | undefined, upper: string | undefined) => Expression,
): Expression {
  const [low, high] = [
    Math.max(least, Number(lower?.[0] ?? 0)),
    Number(upper?.[0] ?? (upper === undefined ? 9 : 0)),
  ]
  const isLow = (digit: number) => lower !== undefined && digit === Number(lower[0] ?? 0)
  const isHigh = (digit: number) => upper !== undefined && digit === high
  const options: Expression[] = []
  for (let from = low, to: number; from <= high; from = to + 1) {
    to = from
    const [tightLow, tightHigh] = [isLow(from), isHigh(from)]
    while (!tightLow && !tightHigh && to < high && !isHigh(to + 1)) to++
    const rest = then(tightLow ? lower!.slice(1) : undefined, tightHigh ? upper!.slice(1) : undefined)
    options.push(sequence(byte(0x30 + from, 0x30 + to), rest))
  }
  return choice(...options)
}

const isZero = (digits: string) => !/[1-9]/.test(digits)

/** 12.5 is 125 with two digits before the point; 1.5e-7 is 000000015 with one. */
function decimal(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const point = whole.length + Number(exponent)
  if (point < 1) return { digits: '0'.repeat(1 - point) + whole + fraction, whole: 1 }
  return { digits: (whole + fraction).padEnd(point, '0'), whole: point }
}
