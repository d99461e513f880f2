/**
 * `npm run test:chaos`: users ask for jobs while workers and services are killed, Postgres restarts, storage fails and the
 * receiver of webhooks is away; then all is well again, and what must be true is checked. The seed decides what is asked
 * for and what goes wrong when, not in which order two processes come to it. The exit code is 1 when a check fails.
 *
 * npm run test:chaos -- [--minutes N] [--jobs N] [--seed N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../../engine/random.ts'
import { writeBase } from '../../engine/tiny.case.ts'
import { calm } from './calm.ts'
import type { Check } from './checks/check.ts'
import { checkJobs } from './checks/jobs.ts'
import { checkModels } from './checks/models.ts'
import { checkProcesses } from './checks/processes.ts'
import { checkRemains, checkSweep } from './checks/remains.ts'
import { checkWebhooks } from './checks/webhooks.ts'
import { openClient } from './client.ts'
import { type Accepted, askForJob } from './jobs.ts'
import { type Asked, askModels } from './models.ts'
import { progressLine } from './progress.ts'
import { makeTrouble } from './trouble.ts'
import { openWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '220' },
    seed: { type: 'string', default: '1' },
  },
})
const [minutes, jobs, seed] = [values.minutes, values.jobs, values.seed].map(Number) as [
  number,
  number,
  number,
]
/** What may take longer than the troubles: the longest wait for a webhook that failed until then, and some jobs. */
const calmLimit = 12 * 60_000 // ms
/** So many jobs are asked for at once. */
const burst = 5

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const root = mkdtempSync(join(tmpdir(), 'preamble-chaos-'))
console.log(`seed ${seed}, ${minutes} minutes, ${jobs} jobs; logs of all processes: ${join(root, 'logs')}`)
writeBase(join(root, 'models', 'tiny'))

const world = await openWorld(root, seed)
const { postgres, storage, receiver, processes, ports } = world
const line = progressLine(process.stdout)
let failed = true
try {
  const givingUp = new AbortController()
  const client = openClient(ports, givingUp.signal)
  receiver.secret = await world.subscribe(client)

  const start = Date.now()
  const end = start + minutes * 60_000
  const over = new AbortController()
  const accepted: Accepted[] = []
  const asked: Asked = { answers: new Map(), seen: new Set(), wrong: [] }
  const troubles = { postgres: 0, outages: 0 }
  let settled = 0
  const refused: string[] = []

  const users = Array.from({ length: jobs }, async (_, n) => {
    const at = (Math.floor(n / burst) / Math.ceil(jobs / burst)) * (end - start) * 0.95
    await sleep(at)
    await askForJob(client, seed, n, (job) => accepted.push(job)).catch((error: Error) => {
      refused.push(`job ${n}: ${error.message}`)
    })
    settled += 1
  })
  const told = setInterval(() => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000))
    const kills = processes.reduce((sum, { counts }) => sum + counts.kills, 0)
    line.update(
      `${left ? `${left} s of chaos left` : 'calm'}: ${accepted.length} jobs accepted, ${settled} seen to their end, ` +
        `${kills} kills, ${troubles.postgres} restarts of Postgres, ${storage.counts.failed} failed storage calls, ` +
        `${asked.answers.size} models answered, ${receiver.delivered.size} events came`,
    )
  }, 1000)

  setTimeout(() => over.abort(), end - Date.now())
  await Promise.all([
    makeTrouble(world, new Random(seed), troubles, over.signal),
    receiver.beMoody(over.signal),
    askModels({ client, db: postgres.db, storage }, asked, over.signal),
  ])
  const unsettled = await calm(world, Promise.all(users), calmLimit)
  clearInterval(told)
  line.end()
  givingUp.abort()

  const checks: Check[] = [
    {
      says: `all is settled ${Math.round((Date.now() - end) / 1000)} s after the chaos`,
      problems: unsettled,
    },
    { says: `${jobs} users were refused nothing`, problems: refused },
    ...(await checkJobs(postgres.db, accepted)),
    ...(await checkWebhooks(postgres.db, receiver)),
    await checkSweep(postgres.db, storage),
    ...(await checkModels({ client, db: postgres.db, storage }, asked)),
    ...(await checkRemains(postgres.db, storage, accepted)),
    ...(await checkProcesses(processes)),
  ]
  console.log(
    `\nanswers: ${[...client.answers].map(([answer, count]) => `${count} × ${answer}`).join(', ')}; ` +
      `storage: ${storage.counts.failed} of ${storage.counts.calls} calls failed, ${troubles.outages} outages; ` +
      `${troubles.postgres} restarts of Postgres\n`,
  )
  for (const { says, problems } of checks) {
    console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${says}`)
    for (const problem of problems.slice(0, 10)) console.log(`     ${problem}`)
    if (problems.length > 10) console.log(`     … ${problems.length} in all`)
  }
  failed = checks.some(({ problems }) => problems.length > 0)
} finally {
  await world.close()
}
// What failed is left to be looked at; the logs are left in any case.
if (!failed)
  for (const name of ['postgres', 'postgres.password', 'storage', 'home', 'models'])
    rmSync(join(root, name), { recursive: true, force: true })
process.exit(failed ? 1 : 0)
