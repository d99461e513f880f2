/** The command line: finds the command, reads its arguments, and turns what goes wrong into one line. */
import { ApiError, connect } from './api/api.ts'
import { type Command, helpOf, overview, parse, UsageError } from './command.ts'
import { exportAdapter, importAdapter, listAdapters } from './commands/adapters.ts'
import { chat } from './commands/chat.ts'
import { convert } from './commands/convert.ts'
import { doctor } from './commands/doctor.ts'
import { createKey, createProject, listKeys, listProjects, revokeKey } from './commands/keys.ts'
import { jobs } from './commands/list.ts'
import { addModel, listBaseModels, models, pullModel, removeModel } from './commands/models.ts'
import { plan } from './commands/plan.ts'
import { tune } from './commands/tune.ts'

/** By name; a name of two words is a command of a group. */
const commands: Record<string, Command> = {
  convert,
  tune,
  plan,
  chat,
  models,
  'models list': listBaseModels,
  'models pull': pullModel,
  'models add': addModel,
  'models rm': removeModel,
  jobs,
  'adapters list': listAdapters,
  'adapters export': exportAdapter,
  'adapters import': importAdapter,
  doctor,
  'keys create': createKey,
  'keys list': listKeys,
  'keys revoke': revokeKey,
  'projects create': createProject,
  'projects list': listProjects,
}

/** Runs `preamble ...words` and answers its exit code: 0 done, 1 failed, 2 the command line was wrong. */
async function main(words: string[]): Promise<number> {
  if (words[0] === undefined || words[0] === '--help' || words[0] === 'help') {
    console.log(overview(commands))
    return words[0] === undefined ? 2 : 0
  }
  const name = [2, 1].map((n) => words.slice(0, n).join(' ')).find((known) => Object.hasOwn(commands, known))
  try {
    if (name === undefined) throw new UsageError(`unknown command "${unknown(words)}"`)
    const { values, operands } = parse(words.slice(name.split(' ').length), commands[name]!)
    if (values.help) {
      console.log(helpOf(name, commands[name]!))
      return 0
    }
    const url = (values.url as string | undefined) ?? process.env.PREAMBLE_URL ?? 'http://127.0.0.1:8080'
    await commands[name]!.run({
      api: connect(url, process.env.PREAMBLE_API_KEY || undefined),
      operands,
      values,
    })
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`preamble: ${error.message}; see \`preamble ${name ? `${name} ` : ''}--help\``)
      return 2
    }
    if (error instanceof ApiError) {
      console.error(`preamble: ${error.message}`)
      return 1
    }
    throw error
  }
}

/** The words that should have been a command: of a group, its name and what follows. */
function unknown(words: string[]): string {
  const isGroup = Object.keys(commands).some((name) => name.startsWith(`${words[0]} `))
  return words.slice(0, isGroup ? 2 : 1).join(' ')
}

process.exitCode = await main(process.argv.slice(2))
