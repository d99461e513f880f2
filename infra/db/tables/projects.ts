import { pgTable, text } from 'drizzle-orm/pg-core'
import { type Id, newId } from '../../../contract/ids.ts'
import { createdAt, moment } from './time.ts'

/** The tenants: whatever has a project is seen inside it only. An archived one lets nobody in. */
export const projects = pgTable('projects', {
  id: text('id')
    .$type<Id<'project'>>()
    .primaryKey()
    .$defaultFn(() => newId('project')),
  name: text('name').notNull(),
  archivedAt: moment('archived_at'),
  createdAt: createdAt(),
})

/** The project that a row belongs to. */
export const project = () =>
  text('project_id')
    .$type<Id<'project'>>()
    .notNull()
    .references(() => projects.id)
