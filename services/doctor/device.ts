import { openEngine } from '../../engine/index.ts'
import type { Config } from '../../infra/config.ts'
import { about, type Finding } from './finding.ts'

const device = about('device')

/** Runs a sum on the CPU, where replies are generated, and where jobs are trained. */
export async function* checkDevices(config: Pick<Config, 'device'>): AsyncGenerator<Finding, void, void> {
  const engine = openEngine()
  try {
    for (const name of new Set(['cpu', config.device] as const)) {
      yield await engine.checkDevice(name).then(
        () => device.ok(`ONNX Runtime runs on ${name}`),
        (error: Error) => device.fail(error.message),
      )
    }
  } finally {
    await engine.close()
  }
}
