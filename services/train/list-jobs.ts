import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Checkpoint, Job, JobListQuery } from '../../contract/job.ts'
import { type Page, type PageQuery, page } from '../../contract/page.ts'
import { pageOfRows } from '../../infra/db/page.ts'
import { jobCheckpoints, jobs, unixSeconds } from '../../infra/db/tables/index.ts'
import { getJob, type JobsOf, toJob } from './job.ts'
import { checkpointModelId } from './model-id.ts'

export async function listJobs({ db, project }: JobsOf, query: JobListQuery): Promise<Page<Job>> {
  const where = and(eq(jobs.project, project), withMetadata(query))
  const { rows, hasMore } = await pageOfRows(db, jobs, query, where)
  return page(rows.map(toJob), hasMore)
}

function withMetadata({ metadata }: JobListQuery) {
  if (metadata === undefined) return undefined
  return metadata ? sql`${jobs.metadata} @> ${JSON.stringify(metadata)}::jsonb` : isNull(jobs.metadata)
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
