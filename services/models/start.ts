/** What both `npm start` and this service alone open: the work on models that are to be pulled. */
import { join } from 'node:path'
import { directoriesOf } from '../../infra/base-models.ts'
import type { Config } from '../../infra/config.ts'
import { startWork } from '../../infra/work.ts'
import type { ModelsDeps } from './app.ts'
import { claimPull, holdPull } from './claim-pull.ts'
import { type PullDeps, pullModel } from './pull-model.ts'

type Opened = Pick<ModelsDeps, 'shipped' | 'downloads'>

export function startPulling(
  config: Pick<Config, 'home' | 'models' | 'hub'>,
  { db, store, log }: Pick<PullDeps, 'db' | 'store' | 'log'>,
): { deps: Opened; stop(): Promise<void> } {
  const downloads = join(config.home, 'downloads')
  const { stop } = startWork(
    {
      claim: (leaseMs) => claimPull(db, leaseMs),
      hold: (row, leaseMs) => holdPull(db, row, leaseMs),
      handle: (row, signal) => pullModel({ db, store, log, downloads, hub: config.hub }, row, signal),
    },
    log,
  )
  return { deps: { shipped: directoriesOf(config.models), downloads }, stop: () => stop() }
}
