/**
 * `npm run demo`: starts everything, tunes the base model on a sample corpus, shows what changed, and stops.
 * The exit code is 0 only when every step worked and the dev loss fell as far as it should.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, connect } from '../../cli/api/api.ts'
import { makeDataset, reportProblems, uploadCorpus } from '../../cli/api/corpus.ts'
import { devLossLine } from '../../cli/commands/tune.ts'
import { watchJob } from '../../cli/commands/watch.ts'
import { plot } from '../../cli/terminal/plot.ts'
import type { Dataset } from '../../contract/dataset.ts'
import type { Job } from '../../contract/job.ts'
import { answersOf, mean } from './answers.ts'
import { startServer } from './server.ts'
import { sideBySide } from './side-by-side.ts'

const corpus = join(import.meta.dirname, '..', '..', 'samples', 'health-zh.txt')
const base = 'preamble-tiny'
/** The tuned dev loss must be at most this share of the base's on the same dev set. */
const wantedRatio = 0.7

const title = (text: string) => console.log(`\n── ${text} ${'─'.repeat(72 - text.length)}`)

const home = await mkdtemp(join(tmpdir(), 'preamble-demo-'))
try {
  title('start: Postgres, the four services and the training worker')
  const server = await startServer(home)
  // Ctrl-C during the tuning cancels the job; from then on every step fails and the demo ends in order.
  process.on('SIGTERM', () => void server.stop().then(() => process.exit(143)))
  console.log(`listening on ${server.url}`)
  try {
    await demonstrate(connect(server.url))
  } finally {
    title('stop')
    const ended = await server.stop()
    console.log(ended === 0 ? 'stopped' : `the server did not stop cleanly: ${ended}`)
    if (ended !== 0) process.exitCode = 1
  }
} catch (error) {
  console.error(`demo: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await rm(home, { recursive: true, force: true })
}

async function demonstrate(api: Api): Promise<void> {
  title('convert: samples/health-zh.txt')
  const file = await uploadCorpus(api, corpus)
  const dataset = await makeDataset(api, file.id, {})
  reportProblems('samples/health-zh.txt', dataset)
  console.log(`${dataset.counts.train} pairs to train on, ${dataset.counts.dev} for the dev set`)

  title(`tune: ${base}`)
  const request = { model: base, training_file: dataset.id, suffix: 'health' }
  const { id } = await api.post<Job>('v1/fine_tuning/jobs', request)
  const { job, model, losses } = await watchJob(api, id)
  console.log('\ntraining loss')
  for (const line of plot(losses)) console.log(line)

  await showAnswers(api, dataset, model)

  title('dev loss')
  const { dev_loss } = job
  if (!dev_loss) throw new Error('the job reports no dev loss')
  console.log(devLossLine(dev_loss))
  if (dev_loss.tuned > wantedRatio * dev_loss.base) {
    throw new Error(`the tuned dev loss should be at most ${wantedRatio} × the base's`)
  }
}

type Conversation = { conversations: { role: string; content: string }[] }

/** A few questions the model was trained on and a few it was not, answered before and after. */
async function showAnswers(api: Api, dataset: Dataset, tuned: string): Promise<void> {
  for (const [set, count, what] of [
    ['train', 3, 'trained on'],
    ['dev', 2, 'never seen'],
  ] as const) {
    const text = await api.text(`v1/datasets/${dataset.id}/files/${set}.json`)
    const pairs = (JSON.parse(text) as Conversation[]).slice(0, count).map(({ conversations }) => ({
      question: conversations.find(({ role }) => role === 'user')!.content,
      reference: conversations.find(({ role }) => role === 'assistant')!.content,
    }))
    const answers = await answersOf(api, { base, tuned }, pairs)
    title(`questions ${what}: ${base} | tuned`)
    for (const { question, base, tuned } of answers) {
      console.log(`\n${question}`)
      for (const line of sideBySide([base.text, tuned.text], 38)) console.log(`  ${line}`)
    }
    const share = (of: 'base' | 'tuned') => mean(answers.map((answer) => answer[of].similarity)).toFixed(2)
    console.log(
      `\nagreement with the corpus's answers, 0 to 1: base ${share('base')}, tuned ${share('tuned')}`,
    )
  }
}
