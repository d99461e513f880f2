import type { Conversation } from './text/sample.ts'

export type GenerateRequest = {
  /** A Hugging Face directory. */
  base: string
  /** A directory with PEFT's `adapter_config.json` and `adapter_model.safetensors`. */
  adapter?: string
  /** A conversation to answer, or a raw text to continue. */
  prompt: Conversation | string
  /** Most tokens to generate; what the context window leaves when absent. */
  maxTokens?: number
  /** 0 is greedy. */
  temperature: number
  topP: number
  /** 0 keeps the whole vocabulary. */
  topK: number
  seed?: number
  /** Texts that end the reply; they are not part of it. */
  stop: readonly string[]
}

/** Whoever consumes the stream may stop early with `return()`; generation stops with it. */
export type GenerateEvent =
  | { type: 'start'; promptTokens: number }
  /** Whole characters only. */
  | { type: 'delta'; text: string }
  | { type: 'end'; finishReason: 'stop' | 'length'; completionTokens: number }
