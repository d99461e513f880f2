import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', '.preamble/**'],
    // Two cores: more workers than that only make every file slower.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: './test/postgres.ts',
    reporters: ['default', './test/closing-line.ts'],
  },
})
