export type Schedule = {
  type: 'linear' | 'cosine' | 'constant'
  learningRate: number
  warmupSteps: number
  steps: number
}

/** The learning rate of step 0, 1, …: linear warm-up, then constant, or down to 0 in a line or half a cosine. */
export function learningRateAt({ type, learningRate, warmupSteps, steps }: Schedule, step: number): number {
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps)
  if (type === 'constant') return learningRate
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps))
  return learningRate * (type === 'linear' ? 1 - done : 0.5 * (1 + Math.cos(Math.PI * done)))
}
