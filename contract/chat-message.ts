/** The turns of a conversation as a request for a chat completion has them. */
import { z } from 'zod'
import { absent } from './generation.ts'

const TextPart = z.strictObject({
  type: z.literal('text', 'only parts of type "text" are supported'),
  text: z.string(),
})

/** Parts of text are joined. */
const Text = z
  .union([z.string(), z.array(TextPart).min(1)])
  .transform((content) => (typeof content === 'string' ? content : content.map((part) => part.text).join('')))

const name = absent('names of participants are not supported')

/** Templates are given the arguments as the object that their JSON is. */
const Arguments = z.string().transform((text, context): Record<string, unknown> => {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch {
    context.addIssue({ code: 'custom', message: 'expected the JSON of an object' })
    return z.NEVER
  }
})

const ToolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function', 'only tools of type "function" are supported'),
  function: z.strictObject({ name: z.string(), arguments: Arguments }),
})

/** OpenAI's newer name `developer` means `system`. */
const Instruction = z
  .strictObject({ role: z.enum(['system', 'developer']), content: Text, name })
  .transform(({ content }) => ({ role: 'system' as const, content }))

const Question = z
  .strictObject({ role: z.literal('user'), content: Text, name })
  .transform(({ role, content }) => ({ role, content }))

/** An answer may come back as it was given, with what is null or empty in it. */
const Answer = z
  .strictObject({
    role: z.literal('assistant'),
    content: Text.nullish(),
    tool_calls: z.array(ToolCall).nullish(),
    name,
    refusal: absent('refusals are not supported'),
    audio: absent('audio is not supported'),
    function_call: absent('use tool_calls'),
    annotations: z.array(z.unknown()).max(0, 'annotations are not supported').nullish(),
  })
  .refine(({ content, tool_calls }) => content != null || tool_calls?.length, {
    path: ['content'],
    message: 'expected text, or tool_calls beside it',
  })
  .transform(({ role, content, tool_calls }) => ({
    role,
    content: content ?? '',
    ...(tool_calls?.length && { tool_calls }),
  }))

const ToolResult = z.strictObject({
  role: z.literal('tool'),
  content: Text,
  tool_call_id: z.string(),
  name: z.string().optional(),
})

/** A turn. Of tools there is only history: what was called, and what came of it. */
export const ChatMessage = z
  .discriminatedUnion('role', [Instruction, Question, Answer, ToolResult], {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'expected the role "system", "developer", "user", "assistant" or "tool"'
        : undefined,
  })
  .meta({ id: 'ChatMessage' })
export type ChatMessage = z.infer<typeof ChatMessage>
