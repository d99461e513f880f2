/** What must be true in the end: a line with numbers, and what speaks against it. */
export type Check = { says: string; problems: string[] }
