/** What both `npm start` and this service alone open: the line of models to be pulled, and the work on it. */
import { join } from 'node:path'
import { directoriesOf } from '../../infra/base-models.ts'
import type { Config } from '../../infra/config.ts'
import { openQueue } from '../../infra/queue/queue.ts'
import type { ModelsDeps } from './app.ts'
import { type PullDeps, pullModel } from './pull-model.ts'

type Opened = Pick<ModelsDeps, 'shipped' | 'pulling' | 'downloads'>

export async function startPulling(
  databaseUrl: string,
  config: Pick<Config, 'home' | 'models' | 'hub'>,
  { db, store, log }: Pick<PullDeps, 'db' | 'store' | 'log'>,
): Promise<{ deps: Opened; stop(): Promise<void> }> {
  const pulling = await openQueue(databaseUrl, { name: 'pull-models', retries: 3 }, log)
  const downloads = join(config.home, 'downloads')
  await pulling.work(async (id, signal) => {
    try {
      await pullModel({ db, store, log, downloads, hub: config.hub }, id, signal)
    } catch (error) {
      if (!signal.aborted) throw error
      await pulling.enqueue(id) // a server that stops is no failed attempt
    }
  })
  const shipped = directoriesOf(config.models)
  return { deps: { shipped, pulling, downloads }, stop: () => pulling.stop() }
}
