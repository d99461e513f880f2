import { index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Dataset, Problem, Split, Truncation } from '../../../contract/dataset.ts'
import type { Id } from '../../../contract/ids.ts'
import { project } from './projects.ts'
import { createdAt } from './time.ts'
import { traceColumn } from './trace.ts'

/** Corpora converted and split; the three files of a ready one lie in the store under `datasets/<id>/`. */
export const datasets = pgTable(
  'datasets',
  {
    id: text('id').$type<Id<'dataset'>>().primaryKey(),
    project: project(),
    fileId: text('file_id').$type<Id<'file'>>().notNull(),
    status: text('status').$type<Dataset['status']>().notNull(),
    split: jsonb('split').$type<Split>().notNull(),
    systemPrompt: text('system_prompt'),
    counts: jsonb('counts').$type<Dataset['counts']>().notNull(),
    problems: jsonb('problems').$type<Problem[]>().notNull(),
    problemsTotal: integer('problems_total').notNull(),
    truncations: jsonb('truncations').$type<Truncation[]>().notNull().default([]),
    error: jsonb('error').$type<Dataset['error']>(),
    trace: traceColumn(),
    createdAt: createdAt(),
  },
  (table) => [index('datasets_by_age').on(table.project, table.createdAt)],
)
