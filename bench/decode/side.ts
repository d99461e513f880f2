/** What a program that decodes is told, as one argument in JSON, and what it prints, as one line of JSON. */

export type Setting = {
  /** A Hugging Face directory, or what its peer makes of one. */
  base: string
  /** How the base's products are computed. */
  form: 'int4'
  /** Sequences that are decoded at a time. */
  batch: number
  /** Tokens that each has behind it when the time begins. */
  context: number
  /** Tokens that each gets in that time. */
  steps: number
}

export type Report = {
  /** Of all sequences together. */
  tokensPerSecond: number
  millisecondsPerStep: number
  /** Peak memory of the process, in bytes, where the side knows it. */
  peak?: number
}

/** The report of steps that began and ended at these times, in milliseconds, one after the other. */
export function reportOf(times: readonly number[], batch: number): Report {
  const millisecondsPerStep = (times.at(-1)! - times[0]!) / (times.length - 1)
  return {
    tokensPerSecond: (1000 * batch) / millisecondsPerStep,
    millisecondsPerStep,
    peak: process.resourceUsage().maxRSS * 1024,
  }
}
