import type { Problem } from '../contract/dataset.ts'
import type { Problems } from './problems.ts'

export type Role = 'system' | 'user' | 'assistant'
export type Turn = { role: Role; content: string }
export type Conversation = Turn[]

export const isRole = (role: unknown): role is Role =>
  role === 'system' || role === 'user' || role === 'assistant'

/**
 * Reports turns out of order: a system turn only first, then user and assistant in turn, an assistant last. `place`
 * says where a turn stands.
 */
export function checkOrder(
  turns: Conversation,
  index: number,
  place: (turn: number) => Pick<Problem, 'line' | 'path'>,
  problems: Problems,
): void {
  const where = (turn: number) => `conversation ${index + 1}, turn ${turn + 1}`
  const start = turns[0]?.role === 'system' ? 1 : 0
  for (const [t, { role, content }] of turns.entries()) {
    const wanted = t < start ? 'system' : (t - start) % 2 === 0 ? 'user' : 'assistant'
    if (role === 'system' && t > 0)
      problems.error('system_not_first', `${where(t)}: a system turn comes first or not at all`, place(t))
    else if (role !== wanted)
      problems.error(
        'role_order',
        `${where(t)}: expected ${wanted}, found ${role}; user and assistant take turns`,
        place(t),
      )
    if (content.trim() === '') problems.error('empty_content', `${where(t)}: the content is empty`, place(t))
  }
  const last = turns.at(-1)
  if (last?.role !== 'assistant')
    problems.error(
      'no_reply',
      `${where(Math.max(0, turns.length - 1))}: a conversation ends with an assistant turn`,
      place(Math.max(0, turns.length - 1)),
    )
}
