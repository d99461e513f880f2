/** One turn of a conversation. */
export type Message = { role: 'system' | 'user' | 'assistant'; content: string }

/** Turns in order: an optional system turn, then user and assistant alternating. */
export type Conversation = readonly Message[]
