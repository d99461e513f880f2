import type { Job } from '../../contract/job.ts'
import type { Page } from '../../contract/page.ts'
import { command } from '../command.ts'

export const jobs = command({
  summary: 'List fine-tuning jobs, the newest first',
  operands: [],
  options: { limit: { kind: 'number', value: 'N', help: 'how many (default 20)' } },
  async run({ api, values }) {
    const { data } = await api.get<Page<Job>>(`v1/fine_tuning/jobs?limit=${values.limit ?? 20}`)
    for (const { id, status, fine_tuned_model, error } of data) {
      console.log([id, status, fine_tuned_model ?? error?.message ?? ''].join('  ').trimEnd())
    }
  },
})
