/** A job's way from its file to its model, with a real engine, database and store. */
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Id } from '../../contract/ids.ts'
import { type Job, JobRequest } from '../../contract/job.ts'
import { PageQuery } from '../../contract/page.ts'
import { Peft } from '../../contract/peft.ts'
import { toDataset } from '../../corpus/make-dataset.ts'
import { adapterHash } from '../../engine/index.ts'
import { hasCudaFiles } from '../../engine/runtime/cuda.case.ts'
import { adapters, datasets, files, jobs } from '../../infra/db/tables/index.ts'
import { createLog } from '../../infra/log.ts'
import { cancelJob } from './cancel-job.ts'
import { beginJobs, holdJobs, retryMs, take, waitMs } from './claim.ts'
import { createJob } from './create-job.ts'
import { getJob, type JobId } from './job.ts'
import { listCheckpoints } from './list-jobs.ts'
import { pauseJob, resumeJob } from './pause-job.ts'
import { createRecorder } from './recorder.ts'
import { runJobs } from './run-job.ts'
import { corpus, setUp } from './train.case.ts'
import { validateJob } from './validate-job.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
})
afterAll(() => at.tearDown())

const idOf = ({ id }: Job) => id as JobId
/** Of a run that took no step. */
const curve = { loss: [], learningRate: [], tokens: [] }
/** A job whose files are validated. */
async function queued(request?: Parameters<typeof at.create>[0]): Promise<JobId> {
  const id = idOf(await at.create(request))
  await at.validate(id)
  return id
}
/** Takes a job for a worker that dies at once. */
const begin = (id: JobId) => at.db.transaction((tx) => beginJobs(tx, [id], 0))
const taken = async (id: JobId) => {
  const job = await getJob(at, id)
  return at.db.transaction((tx) => take(tx, job, 0))
}
const messages = async (id: JobId) => (await at.events(id)).map(({ message }) => message)
const modelsOf = async (id: JobId) => {
  const rows = await at.db.select().from(adapters).where(eq(adapters.jobId, id))
  return rows.map((row) => row.model).sort()
}

describe('a job that goes well', () => {
  let id: JobId
  beforeAll(async () => {
    id = await queued({ suffix: 'health', training_args: { save_steps: 2 } })
    await at.run(id)
  })

  test('tells every state it passes', async () => {
    const file = (await at.job(id)).training_file
    expect(await messages(id)).toEqual([
      `Created fine-tuning job: ${id}`,
      `Validating training file: ${file}`,
      'Files validated, moving job to queued state',
      'Fine-tuning job started',
      'Training 512 parameters for 4 steps on 3 samples; 1 dev samples',
      expect.stringMatching(
        /^Memory plan: base packed, checkpointing selective, 4 samples at a time, 1 times a step: /,
      ),
      expect.stringMatching(/^Base model: dev loss=\d/),
      expect.stringMatching(/^Step 1\/4: training loss=\d/),
      expect.stringMatching(/^Step 2\/4: training loss=\d/),
      expect.stringMatching(/^Step 2\/4: dev loss=\d/),
      'Checkpoint created at step 2',
      expect.stringMatching(/^Step 3\/4: training loss=\d/),
      expect.stringMatching(/^Step 4\/4: training loss=\d/),
      expect.stringMatching(/^Step 4\/4: dev loss=\d/),
      expect.stringMatching(/^New fine-tuned model created: ft:tiny:health:/),
      'The job has successfully completed',
    ])
  })

  test('tells its numbers in metrics', async () => {
    const metrics = (await at.events(id)).flatMap(({ data }) => data ?? [])
    const { valid_loss, valid_mean_token_accuracy } = metrics[0]!
    expect(metrics[0]).toEqual({
      ...{ step: 0, total_steps: 4, valid_loss: expect.any(Number) },
      valid_mean_token_accuracy: expect.any(Number),
      ...{ full_valid_loss: valid_loss, full_valid_mean_token_accuracy: valid_mean_token_accuracy },
    })
    expect(metrics[1]).toEqual({
      step: 1,
      total_steps: 4,
      train_loss: expect.any(Number),
      learning_rate: 0.01,
      tokens_per_second: expect.any(Number),
    })
  })

  test("is OpenAI's object, with both dev losses and a model", async () => {
    const job = await at.job(id)
    const [base, , tuned] = (await at.events(id)).flatMap(({ data }) => data?.valid_loss ?? [])
    expect(job).toMatchObject({
      object: 'fine_tuning.job',
      status: 'succeeded',
      model: 'tiny',
      fine_tuned_model: expect.stringMatching(/^ft:tiny:health:[a-v0-9]{12}$/),
      dev_loss: { base, tuned },
      trained_tokens: expect.any(Number),
      finished_at: expect.any(Number),
      estimated_finish: null,
      error: null,
      result_files: [expect.stringMatching(/^file-/)],
      integrations: [],
    })
  })

  test("leaves PEFT's files in the store and a row for each model", async () => {
    const { fine_tuned_model: model } = await at.job(id)
    expect(await modelsOf(id)).toEqual([model, `${model}:ckpt-step-2`])
    for (const { objectKey, hash } of await at.db.select().from(adapters).where(eq(adapters.jobId, id))) {
      const config = new TextDecoder().decode(await at.store.bytes(`${objectKey}/adapter_config.json`))
      expect(JSON.parse(config)).toMatchObject({
        peft_type: 'PREFIX_TUNING',
        base_model_name_or_path: 'tiny',
      })
      expect(adapterHash(await at.store.bytes(`${objectKey}/adapter_model.safetensors`))).toBe(hash)
    }
  })

  test('lists its checkpoint with the metrics of its step', async () => {
    const { fine_tuned_model: model } = await at.job(id)
    const { data } = await listCheckpoints(at, id, PageQuery.parse({}))
    expect(data).toMatchObject([
      {
        object: 'fine_tuning.job.checkpoint',
        fine_tuning_job_id: id,
        fine_tuned_model_checkpoint: `${model}:ckpt-step-2`,
        step_number: 2,
        metrics: { step: 2, total_steps: 4, train_loss: expect.any(Number), valid_loss: expect.any(Number) },
      },
    ])
  })

  test('leaves a table of every step as a result file, however few of them its events tell', async () => {
    const { result_files, training_file, trained_tokens } = await at.job(id)
    const [row] = await at.db
      .select()
      .from(files)
      .where(eq(files.id, result_files[0] as `file-${string}`))
    expect(row).toMatchObject({ purpose: 'fine-tune-results', filename: 'step_metrics.csv' })
    const table = await at.results(id)
    const [columns, ...lines] = table.trimEnd().split('\n')
    expect(columns).toBe('step,train_loss,valid_loss,valid_mean_token_accuracy,learning_rate,trained_tokens')
    const told = (await at.events(id)).flatMap(({ data }) => data ?? [])
    for (const [step, line] of lines.entries()) {
      const { train_loss, valid_loss, valid_mean_token_accuracy, learning_rate } = Object.assign(
        { train_loss: undefined },
        ...told.filter((metrics) => metrics.step === step),
      )
      const [loss, ...rest] = line.split(',').slice(1)
      if (train_loss === undefined) expect(loss).toBe('')
      else expect(Number(loss)).toBeCloseTo(train_loss, 12)
      const others = [valid_loss, valid_mean_token_accuracy, learning_rate].map((n) => `${n ?? ''}`)
      expect(rest.slice(0, 3)).toEqual(others)
    }
    expect(lines).toHaveLength(5)
    expect(lines.at(-1)!.split(',').at(-1)).toBe(`${trained_tokens}`)

    const seldom = await queued({ training_file, training_args: { logging_steps: 3 } })
    await at.run(seldom)
    expect((await at.metrics(seldom)).map(([step]) => step)).toEqual([0, 2, 3, 4, 4])
    expect(await at.results(seldom)).toBe(table)
  })

  test('is done: a second delivery changes nothing', async () => {
    const before = await at.job(id)
    await at.run(id)
    expect(await at.job(id)).toEqual(before)
  })
})

describe('the data of a job', () => {
  test('a corpus with an error fails the job at its line', async () => {
    const id = await queued({ training_file: await at.upload('问\n\n有\n答\n') })
    const { status, error } = await at.job(id)
    expect(status).toBe('failed')
    expect(error).toMatchObject({
      param: 'training_file',
      message: expect.stringMatching(/^training_file: line 1: /),
    })
  })

  test('a file that is deleted before its turn fails the job', async () => {
    const created = await at.create()
    await at.db.delete(files).where(eq(files.id, created.training_file as `file-${string}`))
    await at.validate(idOf(created))
    expect((await at.job(idOf(created))).error).toMatchObject({
      code: 'file_not_found',
      param: 'training_file',
    })
  })

  test('with a validation file, all of the training file is trained on', async () => {
    const id = await queued({ validation_file: await at.upload(corpus) })
    await at.run(id)
    expect(await messages(id)).toContainEqual(expect.stringContaining('4 samples; 4 dev samples'))
  })

  test('a dataset is trained on by its own split', async () => {
    await queued()
    const [dataset] = await at.db.select().from(datasets).where(eq(datasets.status, 'ready'))
    const id = await queued({ training_file: dataset!.id, validation_file: await at.upload(corpus) })
    await at.run(id)
    expect(await messages(id)).toContainEqual(expect.stringContaining('3 samples; 4 dev samples'))
  })

  test('warnings of a corpus are told', async () => {
    const id = await queued({ training_file: await at.upload(`${corpus}\n你好\n好。\n`) })
    expect(await messages(id)).toContainEqual(expect.stringMatching(/: 1 warnings; dataset ds_/))
  })

  test('samples that were cut are counted and named, in events and on their datasets', async () => {
    const long = (question: string) => `${question}\n${'很长的回答，'.repeat(20)}\n`
    const training_file = await at.upload([long('甲'), '短\n好。\n', long('乙')].join('\n'))
    const validation_file = await at.upload(long('丙'))
    const training_args = { max_input_length: 20, max_output_length: 20, max_steps: 1 }
    const id = await queued({ training_file, validation_file, training_args })
    await at.run(id)
    const warnings = (await at.events(id)).filter(({ level }) => level === 'warn')
    expect(warnings.map(({ message }) => message)).toEqual([
      '3 samples have more tokens than the 40 that may be, and were cut',
      expect.stringMatching(/^Cut: train sample 1 \(\d+\), train sample 3 \(\d+\), dev sample 1 \(\d+\)$/),
    ])
    const { datasetId, validationDatasetId } = await getJob(at, id)
    const cutsOf = async (dataset: Id<'dataset'> | null) => {
      const [row] = await at.db.select().from(datasets).where(eq(datasets.id, dataset!))
      return toDataset(row!).truncations
    }
    const tokens = expect.any(Number)
    expect(await cutsOf(datasetId)).toEqual([
      {
        ...{ job_id: id, model: 'tiny', limit: 40, total: 2 },
        samples: [
          { set: 'train', index: 0, tokens },
          { set: 'train', index: 2, tokens },
        ],
      },
    ])
    expect(await cutsOf(validationDatasetId)).toEqual([
      { ...{ job_id: id, model: 'tiny', limit: 40, total: 1 }, samples: [{ set: 'dev', index: 0, tokens }] },
    ])
  })

  test.each([
    ['LORA', { peft_type: 'LORA', r: 2 }, ['adapter_config.json', 'adapter_model.safetensors']],
    ['FULL', { peft_type: 'FULL' }, ['chat_template.jinja', 'config.json', 'generation_config.json']],
  ])('%s makes a model of its own files', async (peftType, peft, names) => {
    const id = await queued({ peft: Peft.parse(peft), training_args: { max_steps: 1 } })
    await at.run(id)
    expect(await at.job(id)).toMatchObject({ status: 'succeeded', peft })
    const [model] = await at.db.select().from(adapters).where(eq(adapters.jobId, id))
    expect(model!.peftType).toBe(peftType)
    expect((await at.store.list(model!.objectKey)).slice(0, names.length)).toEqual(names)
  })

  test('a configuration file decides what is trained, and what it says in vain is told', async () => {
    const config =
      'max_input_length: 30\nmax_output_length: 30\n' +
      'training_args:\n  max_steps: 1\n  fp16: true\npeft_config:\n  peft_type: LORA\n  r: 3\n'
    const request = JobRequest.parse({ model: 'tiny', training_file: await at.upload(corpus), config })
    const id = idOf(await createJob(at.own, request))
    expect(await at.job(id)).toMatchObject({ peft: { r: 3 }, training_args: { max_steps: 1 } })
    const told = (await at.events(id)).filter(({ level }) => level === 'warn')
    expect(told[0]!.message).toBe('training_args.fp16 has no meaning here: all arithmetic is float32')
  })

  test('settings that the base cannot meet fail the job with both numbers', async () => {
    const id = await queued({ training_args: { max_output_length: 1000 } })
    await at.run(id)
    const { status, error } = await at.job(id)
    expect(status).toBe('failed')
    expect(error).toMatchObject({
      code: 'invalid_training_data',
      message: expect.stringMatching(/1048.*120/),
    })
  })

  test.skipIf(hasCudaFiles)(
    'a device that is not there fails the job, and it says what is missing',
    async () => {
      const id = await queued({ training_args: { device: 'cuda' } })
      await at.run(id)
      expect(await at.job(id)).toMatchObject({
        status: 'failed',
        error: {
          code: 'device_unavailable',
          param: 'training_args.device',
          message: expect.stringContaining('needs an NVIDIA GPU'),
        },
      })
    },
  )
})

describe('a job that is interrupted', () => {
  /** Waits until the job has told of its first step. */
  const training = (id: JobId) =>
    vi.waitFor(async () => expect(await messages(id)).toContainEqual(expect.stringMatching(/^Step 1\//)), {
      timeout: 20_000,
    })

  test('stops when it is cancelled, between two events too, and leaves no model', async () => {
    // Only the first and the last step are told: the worker has to look by itself.
    const id = await queued({
      training_args: { max_steps: 1_000_000, logging_steps: 999_999, eval_steps: 0 },
    })
    const running = at.run(id)
    await vi.waitFor(async () => expect((await at.job(id)).status).toBe('running'))
    expect((await cancelJob(at, id)).status).toBe('cancelled')
    await running
    expect(await modelsOf(id)).toEqual([])
    expect((await messages(id)).at(-1)).toBe('Fine-tuning job cancelled')
    expect(await at.job(id)).toMatchObject({ status: 'cancelled', fine_tuned_model: null, error: null })
  })

  const slow = { training_args: { max_steps: 600, eval_steps: 200 } }

  test('goes back in line when the server stops, and later goes on as if it had not', async () => {
    const training_file = await at.upload(corpus)
    const whole = await queued({ ...slow, training_file })
    await at.run(whole)

    const id = await queued({ ...slow, training_file })
    await at.db.update(jobs).set({ stalls: 3 }).where(eq(jobs.id, id)) // the state that it keeps makes them none
    const stop = new AbortController()
    const running = at.run(id, stop.signal)
    await training(id)
    stop.abort()
    await running
    expect(await at.job(id)).toMatchObject({ status: 'queued' })
    const { stalls, stateStep, leaseUntil } = await getJob(at, id)
    expect(stalls).toBe(0)
    expect(leaseUntil!.getTime()).toBeLessThanOrEqual(Date.now()) // the next worker need not wait
    await at.run(id)
    expect(await messages(id)).toContain(`Fine-tuning job goes on from step ${stateStep}`)
    expect(await at.metrics(id)).toEqual(await at.metrics(whole))
    expect(await at.results(id)).toBe(await at.results(whole))
  })

  test('is paused with its state, and goes on from there when it is resumed', async () => {
    const id = await queued({ training_args: { max_steps: 1500, eval_steps: 0 } })
    const running = at.run(id)
    await training(id)
    expect((await pauseJob(at, id)).status).toBe('paused')
    await running
    const told = await at.metrics(id)
    expect(await at.job(id)).toMatchObject({ status: 'paused', finished_at: null })
    expect((await getJob(at, id)).stateStep).toBe(told.at(-1)![0])
    await at.run(id) // a second delivery
    expect(await at.metrics(id)).toEqual(told)

    expect((await resumeJob(at.own, id)).status).toBe('queued')
    await at.run(id)
    expect(await at.job(id)).toMatchObject({ status: 'succeeded' })
    const steps = (await at.metrics(id)).map(([step]) => step).slice(1, -1) // without the evaluations at both ends
    expect(steps).toEqual(steps.map((_, i) => i + 1))
    await expect(pauseJob(at, id)).rejects.toMatchObject({ code: 'conflict' })
    await expect(resumeJob(at.own, id)).rejects.toMatchObject({ code: 'conflict' })
    expect(await at.store.list(`states/${id}`)).toEqual([])
  })

  test('starts again when its worker died, and the dead worker cannot write any more', async () => {
    const id = await queued({ training_args: { save_steps: 2 } })
    const [first] = await begin(id)
    const orphan = await createRecorder(at.deps, first!)
    const file = { 'adapter_config.json': new Uint8Array(1) }
    await orphan({
      type: 'start',
      steps: 4,
      trainSamples: 3,
      devSamples: 1,
      trainableParameters: 1,
      truncated: [],
      plan: {
        ...{
          form: 'float32',
          checkpointing: 'none',
          microBatch: 1,
          accumulation: 1,
          together: 1,
          available: 1,
        },
        memory: { base: 1, activations: 1, optimizer: 1, workspace: 1, total: 4 },
      },
    })
    expect(await orphan({ type: 'checkpoint', step: 1, files: file })).toBe(true)

    await at.run(id)
    expect(await messages(id)).toContain(
      'The worker that ran this job was lost; it starts again from the beginning',
    )
    const { status, fine_tuned_model: model } = await at.job(id)
    expect(status).toBe('succeeded')
    expect(await modelsOf(id)).toEqual([model, `${model}:ckpt-step-2`])

    const told = await at.events(id)
    expect(await orphan({ type: 'eval', step: 2, ms: 1, loss: 1, accuracy: 0 })).toBe(false)
    expect(await orphan({ type: 'checkpoint', step: 3, files: file })).toBe(false)
    expect(
      await orphan({
        type: 'end',
        step: 4,
        last: 4,
        stoppedEarly: false,
        trainedTokens: 1,
        curve,
        files: file,
      }),
    ).toBe(false)
    expect(await at.events(id)).toEqual(told)
    expect(await at.store.exists(`adapters/${id}/2/final/adapter_config.json`)).toBe(false)
    expect(await at.store.exists(`adapters/${id}/3/final/adapter_config.json`)).toBe(true)
  })

  test('takes nothing from a worker that lost it while another one runs it', async () => {
    const id = await queued()
    const [first] = await begin(id)
    const stale = await createRecorder(at.deps, first!)
    const [second] = await begin(id)
    const files = { 'adapter_model.safetensors': new Uint8Array(1) }
    const kept = async () => {
      const areas = ['adapters', 'states', 'files'].map((area) => Array.fromAsync(at.store.walk(area)))
      return [await Promise.all(areas), await at.events(id), await getJob(at, id)]
    }
    const before = await kept()
    const moments = [
      { type: 'step', step: 1, loss: 1, learningRate: 1, tokensPerSecond: 1 },
      { type: 'eval', step: 1, loss: 1, accuracy: 0 },
      { type: 'split', step: 1, microBatch: 1, accumulation: 2 },
      { type: 'state', step: 1, state: files },
      { type: 'checkpoint', step: 1, files },
      { type: 'end', step: 1, last: 1, stoppedEarly: false, trainedTokens: 1, curve, files },
    ] as Parameters<typeof stale>[0][]
    for (const moment of moments) expect(await stale(moment)).toBe(false)
    await holdJobs(at.db, [first!], 1000)
    expect(await kept()).toEqual(before)
    expect(before.at(-1)).toMatchObject({ status: 'running', attempt: second!.attempt })
    await cancelJob(at, id)
  })

  test('is only lost, and no work that failed, for a worker whose connections went with it', async () => {
    const id = await queued({ training_args: { save_steps: 2 } })
    const store = { ...at.store }
    store.putBytes = async () => {
      await begin(id)
      throw new Error('the connection is lost')
    }
    const said: string[] = []
    const log = createLog(
      { name: 'test', level: 'info' },
      { write: (line) => said.push(JSON.parse(line).msg) },
    )
    await runJobs({ ...at.deps, store, log }, await begin(id), new AbortController().signal)
    expect(said).toEqual(['lost the job: its lease ran out, and another worker has it'])
    await cancelJob(at, id)
  })

  test('is validated once, whoever wakes up: a worker that lost it makes no dataset', async () => {
    const id = idOf(await at.create())
    const [stale, ours] = [await taken(id), await taken(id)]
    const before = await at.db.$count(datasets)
    await validateJob(at.deps, stale!)
    expect(await at.db.$count(datasets)).toBe(before)
    expect((await at.job(id)).status).toBe('validating_files')
    await validateJob(at.deps, ours!)
    expect(await at.db.$count(datasets)).toBe(before + 1)
    expect((await at.job(id)).status).toBe('queued')
  })

  test('keeps the dataset that its validator made before it died', async () => {
    const training_file = await at.upload(corpus)
    const id = idOf(await at.create({ training_file, validation_file: await at.upload(corpus) }))
    const store = { ...at.store }
    store.get = async (key, range) => {
      if (key !== `files/${training_file}`) throw new Error('the store does not answer')
      return at.store.get(key, range)
    }
    await expect(validateJob({ ...at.deps, store }, (await taken(id))!)).rejects.toThrow('does not answer')
    const { datasetId } = await getJob(at, id)
    await validateJob(at.deps, (await taken(id))!)
    expect(await getJob(at, id)).toMatchObject({ status: 'queued', datasetId, stalls: 0 })
    expect(await at.db.$count(datasets, eq(datasets.fileId, training_file))).toBe(1)
  })

  test('fails when its workers die again and again', async () => {
    const id = await queued()
    for (let attempt = 1; attempt <= 7; attempt++)
      expect(await begin(id)).toMatchObject([{ attempt: attempt + 1 }])
    await at.run(id)
    expect(await at.job(id)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: expect.stringContaining('began 7 times') },
    })
  })

  test('waits longer each time that what it needs is away, for ten minutes in all', () => {
    const seconds = [1, 2, 3, 4, 5, 6].map((stalls) => retryMs({ stalls }) / 1000)
    expect(seconds).toEqual([1, 4, 16, 64, 256, 300])
  })

  test('waits as if for the first time once it has got to a new state', async () => {
    const id = await queued()
    for (let times = 1; times < 3; times++) await begin(id)
    const held = await begin(id)
    expect(await waitMs(at.db, held)).toBe(16_000)
    const record = await createRecorder(at.deps, held[0]!)
    await record({ type: 'state', step: 1, state: { 'adapter_model.safetensors': new Uint8Array(1) } })
    expect(await waitMs(at.db, held)).toBe(1000)
    await cancelJob(at, id)
  })

  test('says that its worker could not go on, and not that it was lost, when the store does not answer', async () => {
    const id = await queued({ training_args: { save_steps: 2 } })
    const store = { ...at.store }
    store.putBytes = async () => {
      throw new Error('the store does not answer')
    }
    const running = runJobs({ ...at.deps, store }, await begin(id), new AbortController().signal)
    await expect(running).rejects.toThrow('does not answer')
    expect(await at.job(id)).toMatchObject({ status: 'queued' })
    expect((await messages(id)).at(-1)).toMatch(/^The worker could not go on/)
    await at.run(id)
    expect((await at.job(id)).status).toBe('succeeded')
    expect((await messages(id)).join()).not.toContain('was lost')
  })

  test('is not even validated when it was cancelled before', async () => {
    const id = idOf(await at.create())
    await cancelJob(at, id)
    await at.validate(id)
    await at.run(id)
    expect((await at.job(id)).status).toBe('cancelled')
  })
})

test('a model is there only once all of its files are', async () => {
  const id = await queued()
  const [job] = await begin(id)
  const files = { 'adapter_config.json': new Uint8Array(1), 'adapter_model.safetensors': new Uint8Array(2) }
  const seen: string[][] = []
  const store = { ...at.store }
  store.putBytes = async (key, content) => {
    seen.push(await modelsOf(id))
    if (key.endsWith('step-2/adapter_model.safetensors')) throw new Error('the store does not answer')
    const put = await at.store.putBytes(key, content)
    seen.push(await modelsOf(id))
    return put
  }
  const record = await createRecorder({ db: at.db, store }, job!)
  await expect(record({ type: 'checkpoint', step: 2, files })).rejects.toThrow('the store does not answer')
  expect((await listCheckpoints(at.own, id, PageQuery.parse({}))).data).toEqual([])
  await record({ type: 'end', step: 4, last: 4, stoppedEarly: false, trainedTokens: 1, curve, files })
  expect(seen).toEqual(Array(9).fill([])) // before and after each file, and before the one that failed
  expect(await modelsOf(id)).toEqual([(await at.job(id)).fine_tuned_model])
})

test('a loss that is no number ends the job with advice', async () => {
  const id = await queued({
    training_args: { learning_rate: 1e38, max_grad_norm: 0, eval_steps: 0, max_steps: 20 },
  })
  await at.run(id)
  expect(await at.job(id)).toMatchObject({
    status: 'failed',
    error: { code: 'training_diverged', param: 'training_args.learning_rate' },
  })
})

test('a base model that went away fails the job', async () => {
  const id = await queued()
  const gone = { ...at.deps.bases, find: async () => undefined }
  await runJobs({ ...at.deps, bases: gone }, await begin(id), new AbortController().signal)
  expect((await at.job(id)).error).toMatchObject({ code: 'model_not_found' })
})
