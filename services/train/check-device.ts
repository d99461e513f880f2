import type { Config } from '../../infra/config.ts'
import type { OpenEngine } from './moments.ts'

/** Throws an error that says what is missing when the device that jobs are to be trained on is not there. */
export async function checkDevice(openEngine: OpenEngine, { device }: Pick<Config, 'device'>): Promise<void> {
  if (device === 'cpu') return // always there
  const engine = openEngine()
  try {
    await engine.checkDevice(device)
  } catch (error) {
    throw new Error(`PREAMBLE_DEVICE: ${(error as Error).message}`, { cause: error })
  } finally {
    await engine.close()
  }
}
