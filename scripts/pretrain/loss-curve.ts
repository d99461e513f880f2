import type { TrainEvent } from '../../engine/train.ts'

const [width, height, margin] = [720, 320, 44]

/** The training and dev losses of a run against tokens seen, as an SVG picture. */
export function lossCurve(events: readonly TrainEvent[]): string {
  const steps = events.filter((e) => e.type === 'step')
  const tokensAt = new Map(steps.map((e) => [e.step, e.tokens]))
  const train = steps.map((e) => [e.tokens, e.loss] as const)
  const dev = events.filter((e) => e.type === 'eval').map((e) => [tokensAt.get(e.step) ?? 0, e.loss] as const)
  const right = Math.max(1, ...steps.map((e) => e.tokens))
  const top = Math.ceil(Math.max(1, ...[...train, ...dev].map(([, loss]) => loss)))

  const x = (tokens: number) => margin + (tokens / right) * (width - 2 * margin)
  const y = (loss: number) => height - margin - (loss / top) * (height - 2 * margin)
  const line = (points: readonly (readonly [number, number])[], colour: string) =>
    `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points
      .map(([tokens, loss]) => `${x(tokens).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(' ')}"/>`
  const text = (at: number, to: number, words: string, anchor = 'middle') =>
    `<text x="${at}" y="${to}" text-anchor="${anchor}">${words}</text>`
  const rules = Array.from(
    { length: top + 1 },
    (_, loss) =>
      `<line x1="${margin}" x2="${width - margin}" y1="${y(loss)}" y2="${y(loss)}" stroke="#ddd"/>` +
      text(margin - 8, y(loss) + 4, String(loss), 'end'),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<title>Training and dev loss against tokens seen</title>',
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...rules,
    text(width / 2, height - 12, `tokens seen (${(right / 1e6).toFixed(1)} million at the right)`),
    text(width / 2, 24, 'cross-entropy per reply token, in nats: training (grey), dev (blue)'),
    line(train, '#999'),
    line(dev, '#0a58ca'),
    '</svg>\n',
  ].join('\n')
}
