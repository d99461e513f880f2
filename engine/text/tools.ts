import type { Conversation } from './sample.ts'

/** @throws when a conversation has calls of tools or what tools returned, of which `who` knows nothing */
export function refuseTools(conversation: Conversation, who: string): void {
  if (conversation.some(({ role, tool_calls }) => role === 'tool' || tool_calls))
    throw new Error(`${who} knows no tool calls and no turns of tools`)
}

/** Whether a template's source speaks of both. */
export const speaksOfTools = (source: string): boolean =>
  source.includes('tool_calls') && /(['"])tool\1/.test(source)
