import type { Config } from '../../infra/config.ts'
import type { Base } from './bases.ts'
import { about, type Finding } from './finding.ts'

const models = about('models')

/** Whether there are base models, and each is whole. */
export async function* checkModels(
  { models: root }: Pick<Config, 'models'>,
  bases: readonly Base[],
): AsyncGenerator<Finding, void, void> {
  if (bases.length === 0)
    yield models.fail(`no base model below ${root}: \`preamble models pull\` one, or correct MODELS`)
  for (const { id, check } of bases) {
    yield await check().then(
      () => models.ok(id),
      (error: Error) => models.fail(`${id}: ${error.message}`),
    )
  }
}
