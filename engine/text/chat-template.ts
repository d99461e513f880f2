import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { z } from 'zod'
import { gemmaTemplate } from './gemma-template.ts'
import { readJsonIfThere } from './json-file.ts'
import type { Conversation } from './sample.ts'
import { refuseTools, speaksOfTools } from './tools.ts'

/** Renders a conversation as the text that the model was trained to read. */
export type ChatTemplate = (
  conversation: Conversation,
  options: {
    /** Ends with what opens a reply. */
    generationPrompt: boolean
    /** Variables for the template: `bos_token`, `eos_token`, … */
    variables: Readonly<Record<string, string>>
  },
) => string

const Config = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
})

/**
 * The chat template of a Hugging Face directory: `chat_template.jinja`, or `chat_template` in
 * tokenizer_config.json, or else its family's own. Throws when there is none or it is not valid Jinja.
 */
export function loadChatTemplate(directory: string): ChatTemplate {
  const found = findTemplate(directory)
  if (!found) return gemmaTemplate(directory) ?? noTemplate(directory)
  const { path, source } = found
  const template = within(path, () => new Template(source))
  const tools = speaksOfTools(source)
  return (conversation, { generationPrompt, variables }) =>
    within(path, () => {
      if (!tools) refuseTools(conversation, 'it')
      return template.render({
        ...variables,
        messages: conversation,
        add_generation_prompt: generationPrompt,
      })
    })
}

function findTemplate(directory: string): { path: string; source: string } | undefined {
  const file = join(directory, 'chat_template.jinja')
  if (existsSync(file)) return { path: file, source: readFileSync(file, 'utf8') }
  const path = join(directory, 'tokenizer_config.json')
  const found = readJsonIfThere(path, Config).chat_template
  if (found == null) return undefined
  if (typeof found === 'string') return { path, source: found }
  const named = found.find(({ name }) => name === 'default')
  if (!named)
    throw new Error(
      `${path}: no chat template is named "default", only ${found.map((t) => t.name).join(', ')}`,
    )
  return { path, source: named.template }
}

function noTemplate(directory: string): never {
  throw new Error(
    `${directory} has no chat template: there is no chat_template.jinja, and tokenizer_config.json has no "chat_template"; ` +
      'put the one there that the model was trained with',
  )
}

function within<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new Error(`the chat template in ${path} failed: ${(error as Error).message}`, { cause: error })
  }
}
