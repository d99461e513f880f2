/** `npm run doctor`: checks in the place of the services: one that cannot start could tell nothing over HTTP. */
import { type Config, readConfig } from '../../infra/config.ts'
import { examine } from './examine.ts'
import { about, type Finding, line } from './finding.ts'

async function* findings(): AsyncGenerator<Finding, void, void> {
  const configuration = about('configuration')
  let config: Config
  try {
    config = readConfig()
  } catch (error) {
    for (const problem of (error as Error).message.split('\n')) yield configuration.fail(problem)
    return
  }
  yield configuration.ok('every variable is as it should be')
  yield* examine(config)
}

for await (const finding of findings()) {
  console.log(line(finding))
  if (finding.state === 'FAIL') process.exitCode = 1
}
process.exit() // whatever hangs
