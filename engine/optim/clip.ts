/** Gradients by parameter name, of the parameter's size. */
export type Gradients = Map<string, Float32Array>

/** What gradients of a joint norm are multiplied with so that it is at most `limit` (0: no limit). */
export const clipScale = (norm: number, limit: number): number =>
  limit > 0 && norm > limit ? limit / (norm + 1e-6) : 1 // PyTorch's guard against division by zero

/** Scales gradients in place so that their joint norm is at most `limit`. Returns the norm before. */
export function clipGradients(gradients: Gradients, limit: number): number {
  let squares = 0
  for (const g of gradients.values()) for (let i = 0; i < g.length; i++) squares += g[i]! * g[i]!
  const norm = Math.sqrt(squares)
  const scale = clipScale(norm, limit)
  if (scale !== 1) for (const g of gradients.values()) for (let i = 0; i < g.length; i++) g[i]! *= scale
  return norm
}
