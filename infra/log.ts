/** Structured logs, a JSON object a line. Ids, counts and durations belong there; text of corpora and chats never. */
import { pino } from 'pino'
import { withoutValues } from './db/without-values.ts'
import { traceIds } from './traces/spans.ts'

export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Log
}

const serializers = { err: (error: Error) => pino.stdSerializers.err(withoutValues(error) as Error) }
const secrets = ['authorization', '*.authorization', 'headers.authorization', '*.headers.authorization']

/** The log of one service, on standard output unless `to` says otherwise. */
export function createLog(
  { name, level }: { name: string; level: string },
  to: pino.DestinationStream = pino.destination(1),
): Log {
  const timestamp = pino.stdTimeFunctions.isoTime
  return pino({ name, level, redact: secrets, serializers, timestamp, mixin: traceIds }, to)
}
