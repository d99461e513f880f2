import { eq } from 'drizzle-orm'
import type { Checkpoint, Job } from '../../contract/job.ts'
import { type Page, type PageQuery, page } from '../../contract/page.ts'
import { pageOfRows } from '../../infra/db/page.ts'
import { jobCheckpoints, jobs, unixSeconds } from '../../infra/db/tables/index.ts'
import { getJob, type JobsOf, toJob } from './job.ts'
import { checkpointModelId } from './model-id.ts'

export async function listJobs({ db, project }: JobsOf, query: PageQuery): Promise<Page<Job>> {
  const { rows, hasMore } = await pageOfRows(db, jobs, query, eq(jobs.project, project))
  return page(rows.map(toJob), hasMore)
}

/** A job's checkpoints. Throws ApiError when there is no such job. */
export async function listCheckpoints(of: JobsOf, id: string, query: PageQuery): Promise<Page<Checkpoint>> {
  const job = await getJob(of, id)
  const { rows, hasMore } = await pageOfRows(of.db, jobCheckpoints, query, eq(jobCheckpoints.jobId, job.id))
  const checkpoints = rows.map(
    (row): Checkpoint => ({
      id: row.id,
      object: 'fine_tuning.job.checkpoint',
      created_at: unixSeconds(row.createdAt),
      fine_tuning_job_id: job.id,
      fine_tuned_model_checkpoint: checkpointModelId(job, row.stepNumber),
      step_number: row.stepNumber,
      metrics: row.metrics,
    }),
  )
  return page(checkpoints, hasMore)
}
