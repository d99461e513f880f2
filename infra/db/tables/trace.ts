import { text } from 'drizzle-orm/pg-core'

/** Where in a trace the row was made, as W3C's `traceparent`; null: there was no trace. */
export const traceColumn = () => text('trace')
