import { join } from 'node:path'
import { z } from 'zod'
import type { ChatTemplate } from './chat-template.ts'
import { readJsonIfThere } from './json-file.ts'
import { refuseTools } from './tools.ts'

const Config = z.looseObject({ model_type: z.string().optional() })

/**
 * Gemma's published turns, for its base models: they know the tokens, and come without the template of the tuned ones.
 * Undefined for a directory of another family.
 */
export function gemmaTemplate(directory: string): ChatTemplate | undefined {
  const config = readJsonIfThere(join(directory, 'config.json'), Config)
  return config.model_type === 'gemma' ? turns : undefined
}

const turns: ChatTemplate = (conversation, { generationPrompt, variables }) => {
  refuseTools(conversation, 'Gemma')
  const texts = conversation.map(({ role, content }) => {
    if (role === 'system') throw new Error('Gemma knows no system turn; say it in the first user turn')
    return `<start_of_turn>${role === 'assistant' ? 'model' : role}\n${content.trim()}<end_of_turn>\n`
  })
  return `${variables.bos_token ?? ''}${texts.join('')}${generationPrompt ? '<start_of_turn>model\n' : ''}`
}
