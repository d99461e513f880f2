import { bigint, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { BaseModel, BaseModelFile, BaseModelStatus } from '../../../contract/base-model.ts'
import { createdAt, moment } from './time.ts'

/** Base models that were pulled or added; those that are ready have all their files in the store. */
export const baseModelTable = pgTable('base_models', {
  id: text('id').primaryKey(),
  status: text('status').$type<BaseModelStatus>().notNull(),
  origin: text('origin').$type<'hub' | 'path'>().notNull(),
  source: text('source').notNull(),
  revision: text('revision'),
  endpoint: text('endpoint'),
  commit: text('commit'),
  files: jsonb('files').$type<BaseModelFile[]>().notNull().default([]),
  bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
  bytesDone: bigint('bytes_done', { mode: 'number' }).notNull().default(0),
  error: jsonb('error').$type<BaseModel['error']>(),
  /** Where its files lie in the store. */
  objectKey: text('object_key').notNull(),
  /** How often a worker took the pull; one whose attempt is not the last has lost it, and writes nothing any more. */
  attempt: integer('attempt').notNull().default(0),
  /** When its worker counts as dead; null or past: nobody pulls it. */
  leaseUntil: moment('lease_until'),
  createdAt: createdAt(),
})
