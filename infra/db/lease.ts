/** Rows that one worker at a time works on: each is held until a moment that its worker moves on again and again. */
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/** How long a worker may be silent before it counts as dead. */
export const leaseMs = 10_000

// All by the clock of the database: those of workers differ.

/** The end of a lease of `ms` from now; 0 lets the row go. */
export const leaseFor = (ms: number): SQL => sql`now() + ${ms} * interval '1 millisecond'`

/** Whether nobody holds the row. */
export const isFree = (leaseUntil: PgColumn): SQL => sql`(${leaseUntil} is null or ${leaseUntil} <= now())`
