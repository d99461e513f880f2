import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { moment } from './time.ts'

/** What each key has used of its minute, in the columns that rate-limiter-flexible wants. */
export const rateLimits = pgTable('rate_limits', {
  key: text('key').primaryKey(),
  points: integer('points').notNull(),
  expire: moment('expire'),
})
