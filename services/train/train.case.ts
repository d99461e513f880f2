/** What the tests of this service share: a real database, store and engine, and a tiny base model. */
import { join } from 'node:path'
import { and, asc, eq } from 'drizzle-orm'
import { expect, vi } from 'vitest'
import { newId } from '../../contract/ids.ts'
import { type Job, JobRequest } from '../../contract/job.ts'
import { PageQuery } from '../../contract/page.ts'
import { openEngine } from '../../engine/index.ts'
import { args, temporary, writeBase } from '../../engine/tiny.case.ts'
import { firstProject } from '../../infra/access/caller.ts'
import { baseModels } from '../../infra/base-models.ts'
import { files, jobEvents } from '../../infra/db/tables/index.ts'
import { testDatabase } from '../../infra/db/testing.ts'
import { createLog } from '../../infra/log.ts'
import { diskStore } from '../../infra/store/disk.ts'
import { beginJobs, holdJobs, take } from './claim.ts'
import { createJob } from './create-job.ts'
import { getJob, type JobId, toJob } from './job.ts'
import { companyOf } from './line.ts'
import { listEvents } from './list-events.ts'
import { runJobs } from './run-job.ts'
import { validateJob } from './validate-job.ts'

export const corpus = '你好\n你好，多喝水。\n\n数\n一二三\n\n感冒了\n多休息。\n\n谢谢\n不客气。\n'

const hour = 3_600_000 // ms: no test holds a job for longer
const patiently = { timeout: 10_000, interval: 20 }

export async function setUp() {
  const { root, remove } = temporary()
  const { db, url, close } = await testDatabase()
  const store = diskStore(join(root, 'objects'))
  writeBase(join(root, 'models', 'tiny'))
  const bases = baseModels(join(root, 'models'), { db, store })
  const log = createLog({ name: 'test', level: 'silent' })
  const engine = openEngine()
  const deps = {
    ...{ db, store, bases, log, version: '0', openEngine, engine },
    ...{ device: 'cpu' as const, cache: join(root, 'quantized') },
    scratch: join(root, 'scratch'),
  }
  const own = { ...deps, project: firstProject }
  const never = new AbortController().signal

  /** A file as ingest leaves it. */
  async function upload(text: string) {
    const id = newId('file')
    const content = new TextEncoder().encode(text)
    const objectKey = `files/${id}`
    await store.putBytes(objectKey, content)
    const row = {
      filename: 'c.txt',
      purpose: 'fine-tune',
      bytes: content.length,
      sha256: '',
      encoding: 'utf-8',
    } as const
    await db.insert(files).values({ id, project: firstProject, ...row, objectKey })
    return id
  }

  /** A job that trains four steps on a file of the corpus, with whatever else is asked for. */
  async function create({ training_args, ...extra }: Partial<JobRequest> = {}): Promise<Job> {
    const request = {
      model: 'tiny',
      training_file: await upload(corpus),
      peft: { num_virtual_tokens: 8 },
      training_args: { ...args, eval_steps: 2, ...training_args },
      ...extra,
    }
    return createJob(own, JobRequest.parse(request))
  }

  /** What a worker does that takes this job when it is its turn. */
  async function validate(id: JobId): Promise<void> {
    const row = await getJob(own, id)
    if (row.status !== 'validating_files') return
    const job = await db.transaction((tx) => take(tx, row, hour))
    if (!job) return
    await validateJob(deps, job)
    await holdJobs(db, [job], 0)
  }

  /** The same, with those that it is to be trained with; waits for the lease of a worker that died. */
  async function run(id: JobId, signal = never): Promise<void> {
    const begun = await vi.waitFor(async () => {
      const row = await getJob(own, id)
      expect(Number(row.leaseUntil)).toBeLessThan(Date.now())
      const company = await companyOf(db, row)
      expect(company).toContain(id)
      return db.transaction((tx) => beginJobs(tx, company, hour))
    }, patiently)
    await runJobs(deps, begun, signal)
    await holdJobs(db, begun, 0)
  }

  return {
    ...{ deps, own, project: firstProject, db, url, root, store, upload, create, validate, run },
    job: async (id: JobId) => toJob(await getJob({ db, project: firstProject }, id)),
    async events(id: JobId) {
      return (
        await listEvents({ db, project: firstProject }, id, PageQuery.parse({ limit: 100, order: 'asc' }))
      ).data
    },
    /** A job's table of steps. */
    async results(id: JobId) {
      const { resultFiles } = await getJob(own, id)
      return new TextDecoder().decode(await store.bytes(`files/${resultFiles[0]}`))
    },
    /** Step, training loss, dev loss and learning rate of what a job has told, to the last digit. */
    async metrics(id: JobId) {
      const rows = await db
        .select({ data: jobEvents.data })
        .from(jobEvents)
        .where(and(eq(jobEvents.jobId, id), eq(jobEvents.type, 'metrics')))
        .orderBy(asc(jobEvents.position))
      return rows.map(({ data }) => {
        const { step, train_loss, valid_loss, learning_rate } = data!
        return [step, train_loss, valid_loss, learning_rate] as const
      })
    },
    async tearDown() {
      await engine.close()
      await close()
      remove()
    },
  }
}
