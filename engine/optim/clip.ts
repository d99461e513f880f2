import type { Gradients } from './adamw.ts'

/** Scales gradients in place so that their joint norm is at most `limit` (0: no limit). Returns the norm before. */
export function clipGradients(gradients: Gradients, limit: number): number {
  let squares = 0
  for (const g of gradients.values()) for (let i = 0; i < g.length; i++) squares += g[i]! * g[i]!
  const norm = Math.sqrt(squares)
  if (limit > 0 && norm > limit) {
    const scale = limit / (norm + 1e-6) // PyTorch's guard against division by zero
    for (const g of gradients.values()) for (let i = 0; i < g.length; i++) g[i]! *= scale
  }
  return norm
}
