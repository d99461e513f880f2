/** Following a fine-tuning job to its end. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, JobEvent } from '../../contract/job.ts'
import type { Page } from '../../contract/page.ts'
import type { Api } from './api.ts'

const pollMs = 500

/** Yields every event of the job in the order it happened, and returns the job once it has ended. */
export async function* followJob(api: Api, id: string): AsyncGenerator<JobEvent, Job, void> {
  let seen: string | undefined
  for (;;) {
    // The job before its events: whatever preceded its end is then among the events already.
    const job = await api.get<Job>(`v1/fine_tuning/jobs/${id}`)
    const events = await eventsAfter(api, id, seen)
    yield* events
    seen = events.at(-1)?.id ?? seen
    if (job.finished_at !== null) return job
    await sleep(pollMs)
  }
}

/** The events after the one called `seen`, oldest first. The server lists newest first. */
async function eventsAfter(api: Api, id: string, seen: string | undefined): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for (;;) {
    const cursor = events.length > 0 ? `&after=${events.at(-1)!.id}` : ''
    const page = await api.get<Page<JobEvent>>(`v1/fine_tuning/jobs/${id}/events?limit=100${cursor}`)
    const known = page.data.findIndex((event) => event.id === seen)
    events.push(...(known < 0 ? page.data : page.data.slice(0, known)))
    if (known >= 0 || !page.has_more) return events.reverse()
  }
}
