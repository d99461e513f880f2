/** The command line: finds the command, reads its arguments, and turns what goes wrong into one line. */
import { ApiError, connect } from './api/api.ts'
import { type Command, helpOf, overview, parse, UsageError } from './command.ts'
import { chat } from './commands/chat.ts'
import { convert } from './commands/convert.ts'
import { jobs, models } from './commands/list.ts'
import { tune } from './commands/tune.ts'

const commands: Record<string, Command> = { convert, tune, chat, models, jobs }

/** Runs `preamble ...args` and answers its exit code: 0 done, 1 failed, 2 the command line was wrong. */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    console.log(overview(commands))
    return name === undefined ? 2 : 0
  }
  try {
    if (!Object.hasOwn(commands, name)) throw new UsageError(`unknown command "${name}"`)
    const { values, operands } = parse(args, commands[name]!)
    if (values.help) {
      console.log(helpOf(name, commands[name]!))
      return 0
    }
    const url = (values.url as string | undefined) ?? process.env.PREAMBLE_URL ?? 'http://127.0.0.1:8080'
    await commands[name]!.run({ api: connect(url), operands, values })
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      const topic = Object.hasOwn(commands, name) ? `${name} ` : ''
      console.error(`preamble: ${error.message}; see \`preamble ${topic}--help\``)
      return 2
    }
    if (error instanceof ApiError) {
      console.error(`preamble: ${error.message}`)
      return 1
    }
    throw error
  }
}

process.exitCode = await main(process.argv.slice(2))
