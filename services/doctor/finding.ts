/** What a check found; where something is wrong, its message says what to do. */
export type Finding = { state: 'ok' | 'warn' | 'FAIL'; about: string; message: string }

/** How the findings about one thing are said. */
export function about(thing: string) {
  const say = (state: Finding['state']) => (message: string) => ({ state, about: thing, message })
  return { ok: say('ok'), warn: say('warn'), fail: say('FAIL') }
}

export const line = ({ state, about, message }: Finding) =>
  `${state.padEnd(4)}  ${about.padEnd(13)}  ${message}`

export const inWords = (bytes: number) =>
  bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`
