import { defineConfig } from 'drizzle-kit'

/** `npm run db:generate` writes a migration for what changed in the tables. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './infra/db/tables/index.ts',
  out: './infra/db/migrations',
})
