/**
 * `npm run bench:open`: opens checkpoints of real shapes with random float16 weights, reads a prompt of 32 tokens, and
 * prints times and peak memory. Each runs in a process of its own; what it writes to disk is removed again.
 *
 * npm run bench:open -- [--dir DIRECTORY] [SHAPE…]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDecoder } from '../engine/decoding/open.ts'
import { openModel } from '../engine/models/open.ts'
import { type ShapeName, shapes, writeFakeCheckpoint } from '../scripts/fake-checkpoint.ts'

type Result = { open: number; first: number; second: number; token: number; peak: number; finite: boolean }

const GiB = 2 ** 30
const tokens = Array.from({ length: 32 }, (_, i) => (i * 997 + 11) % 30_000)

/** Milliseconds that `run` takes. */
async function timed<T>(run: () => Promise<T>): Promise<[number, T]> {
  const begun = performance.now()
  const result = await run()
  return [performance.now() - begun, result]
}

async function measure(directory: string): Promise<Result> {
  const model = openModel(directory)
  const [open, decoder] = await timed(() => openDecoder(model, directory))
  const sequence = decoder.start()
  const [first, logits] = await timed(() => decoder.read(sequence, tokens))
  const [second] = await timed(() => decoder.read(decoder.start(), tokens))
  const [token] = await timed(() => decoder.read(sequence, [1]))
  const peak = process.resourceUsage().maxRSS * 1024
  return { open, first, second, token, peak, finite: logits.every(Number.isFinite) }
}

async function bench(shape: ShapeName, root: string): Promise<void> {
  const directory = join(root, shape)
  try {
    const [written, { weights, bytes }] = await timed(async () =>
      writeFakeCheckpoint(shapes[shape], directory),
    )
    const child = fork(import.meta.filename, ['--measure', directory])
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code, signal]) => [`ended with ${code ?? signal}`]),
    ])
    if (typeof message === 'string') throw new Error(`${shape}: ${message}`)
    const { open, first, second, token, peak, finite } = message as Result
    const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
    console.log(`
${shape}: ${(weights / 1e9).toFixed(3)} G weights, ${(bytes / GiB).toFixed(2)} GiB in float16 (written in ${seconds(written)})
  open                      ${seconds(open)}
  prefill of 32 tokens      ${seconds(first)} (files not yet in memory), ${seconds(second)} again
  one more token            ${seconds(token)}
  peak memory               ${(peak / GiB).toFixed(2)} GiB, the mapped weights included; this machine has ${(totalmem() / GiB).toFixed(1)}
  logits                    ${finite ? 'finite' : 'NOT FINITE'}`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const { values, positionals } = parseArgs({
  options: { dir: { type: 'string' }, measure: { type: 'string' } },
  allowPositionals: true,
})
if (values.measure) process.send!(await measure(values.measure))
else {
  const unknown = positionals.find((name) => !Object.hasOwn(shapes, name))
  if (unknown) throw new Error(`no shape "${unknown}"; known: ${Object.keys(shapes).join(', ')}`)
  const chosen = (positionals.length > 0 ? positionals : ['chatglm3-6b', 'gemma-2b']) as ShapeName[]
  const root = mkdtempSync(join(values.dir ?? tmpdir(), 'preamble-open-'))
  try {
    for (const shape of chosen) await bench(shape, root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
