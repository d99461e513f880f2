const first = 5_000 // ms
const longest = 6 * 3_600_000 // ms

/** 5 s · (2¹³ − 1) = 11.4 h of doubled waits, then ten of 6 h: the last attempt comes 71.4 h after the first at most. */
const maxAttempts = 24

/**
 * How long to wait after the failure of this attempt, from 1, in ms; undefined: it was the last one.
 * @param random from 0 to 1: up to a fifth of the wait is left out, so that what failed together comes back apart
 */
export function waitAfter(attempt: number, random: number): number | undefined {
  if (attempt >= maxAttempts) return undefined
  return Math.min(first * 2 ** (attempt - 1), longest) * (1 - random / 5)
}
