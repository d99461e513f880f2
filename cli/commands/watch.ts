/** Showing a fine-tuning job to its end. */
import type { Job, JobEvent } from '../../contract/job.ts'
import { type Api, ApiError } from '../api/api.ts'
import { followJob } from '../api/job.ts'
import { type Output, progressLine } from '../terminal/progress.ts'

/** A job that succeeded, and the training losses that it reported on the way. */
export type Tuned = { job: Job; model: string; losses: number[] }

/**
 * Shows a job's progress on `out` until it has ended; Ctrl-C cancels it.
 * @throws ApiError when the job failed or was cancelled
 */
export async function watchJob(api: Api, id: string, out: Output = process.stdout): Promise<Tuned> {
  const cancel = () => void api.post(`v1/fine_tuning/jobs/${id}/cancel`).catch(() => {})
  const line = progressLine(out)
  const losses: number[] = []
  process.on('SIGINT', cancel)
  try {
    const events = followJob(api, id)
    for (;;) {
      const next = await events.next()
      if (next.done) return { job: next.value, model: succeeded(next.value), losses }
      show(next.value)
    }
  } finally {
    line.end()
    process.off('SIGINT', cancel)
  }

  function show(event: JobEvent): void {
    if (event.type === 'metrics' && event.data.train_loss !== undefined) {
      const {
        step,
        total_steps: steps,
        train_loss: loss,
        tokens_per_second: tokensPerSecond = 0,
      } = event.data
      losses.push(loss)
      line.update({ step, steps, loss, tokensPerSecond })
    } else {
      line.note(event.message)
    }
  }
}

/** The model of a job that succeeded. */
function succeeded({ id, status, error, fine_tuned_model }: Job): string {
  if (fine_tuned_model) return fine_tuned_model
  throw new ApiError(status === 'failed' ? `job ${id} failed: ${error?.message}` : `job ${id} was ${status}`)
}
