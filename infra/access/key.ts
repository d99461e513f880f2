import { createHash, randomBytes } from 'node:crypto'

const mark = 'sk-preamble-'

/** A new key, 256 random bits of it. */
export const newKey = (): string => mark + randomBytes(32).toString('base64url')

/** What is kept of a key, which cannot be had back from it. */
export const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')

/** How it begins: enough to tell keys apart, and too little to guess the rest. */
export const prefixOf = (key: string): string => key.slice(0, mark.length + 4)
