import { timestamp } from 'drizzle-orm/pg-core'

/** A moment, to the microsecond, in UTC. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 6 })

/** When the row was made. */
export const createdAt = () => moment('created_at').notNull().defaultNow()

/** A moment as OpenAI's objects tell it: whole seconds since 1970. */
export const unixSeconds = (date: Date): number => Math.floor(date.getTime() / 1000)
