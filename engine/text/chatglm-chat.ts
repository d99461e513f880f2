import type { Chat, Exchange } from './chat.ts'
import type { ChatglmVersion } from './chatglm.ts'
import type { Conversation, Message } from './sample.ts'
import type { Tokenizer } from './tokenizer.ts'
import { refuseTools } from './tools.ts'

/** How ChatGLM2 and ChatGLM3 read conversations, as their published code makes prompts. */
export function chatglmChat(directory: string, tokenizer: Tokenizer, version: ChatglmVersion): Chat {
  const start = ['[gMASK]', 'sop'].map((name) => tokenizer.idOf(name))
  const rules = version === 3 ? rolesOf(tokenizer) : rounds(tokenizer)
  return {
    directory,
    tokenizer,
    stopIds: () => [...tokenizer.eosIds, ...rules.stops],
    promptTokens(conversation) {
      refuseTools(conversation, `ChatGLM${version}`)
      return [...start, ...rules.prompt(conversation)]
    },
    exchanges(conversation) {
      const [first, ...others] = rules.exchanges(conversation)
      return first ? [{ ...first, prompt: [...start, ...first.prompt] }, ...others] : []
    },
    replyStream: () => trimmed(tokenizer.stream()),
  }
}

type Rules = {
  stops: number[]
  prompt(conversation: Conversation): number[]
  exchanges(conversation: Conversation): Exchange[]
}

/** Texts of users and models, in which nothing is a special token; each starts with SentencePiece's own space. */
const plain = (tokenizer: Tokenizer, text: string) => tokenizer.encode(tokenizer.guard(text))

/** ChatGLM3: a role's token, a line break, the message. The next role's token ends a reply. */
function rolesOf(tokenizer: Tokenizer): Rules {
  const role = (name: Message['role'] | 'observation') => tokenizer.idOf(`<|${name}|>`)
  const lineBreak = plain(tokenizer, '\n')
  const body = (content: string) => [...lineBreak, ...plain(tokenizer, content)]
  const message = (turn: Message) => [role(turn.role), ...body(turn.content)]
  return {
    stops: [role('user'), role('observation')],
    prompt: (conversation) => [...conversation.flatMap(message), role('assistant')],
    exchanges(conversation) {
      const found: Exchange[] = []
      let prompt: number[] = []
      for (const turn of conversation) {
        if (turn.role !== 'assistant') prompt.push(...message(turn))
        else {
          found.push({ prompt: [...prompt, role('assistant')], reply: body(turn.content), tail: [] })
          prompt = []
        }
      }
      return found
    },
  }
}

/**
 * ChatGLM2: rounds in one text, behind which the reply is encoded by itself. Its training script learns the last reply of
 * a conversation, since the rounds before are encoded otherwise than their replies were.
 */
function rounds(tokenizer: Tokenizer): Rules {
  const prompt = (conversation: Conversation) => plain(tokenizer, roundsText(conversation))
  return {
    stops: [],
    prompt,
    exchanges(conversation) {
      const last = conversation.findLastIndex(({ role }) => role === 'assistant')
      if (last < 0) return []
      const reply = plain(tokenizer, conversation[last]!.content)
      return [{ prompt: prompt(conversation.slice(0, last)), reply, tail: [] }]
    },
  }
}

function roundsText(conversation: Conversation): string {
  let text = ''
  let round = 0
  for (const { role, content } of conversation) {
    if (role === 'system') throw new Error('ChatGLM2 knows no system turn; say it in the first user turn')
    if (role === 'user') text += `${round > 0 ? '\n\n' : ''}[Round ${++round}]\n\n问：${content}\n\n答：`
    else text += content
  }
  return text
}

/** Without the white space that replies start with: a line break, and SentencePiece's space. */
function trimmed(stream: ReturnType<Chat['replyStream']>): ReturnType<Chat['replyStream']> {
  let begun = false
  const trim = (text: string) => {
    const rest = begun ? text : text.trimStart()
    begun ||= rest !== ''
    return rest
  }
  return { push: (id) => trim(stream.push(id)), end: () => trim(stream.end()) }
}
