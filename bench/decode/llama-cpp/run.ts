import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from '../../measure.ts'
import type { Report, Setting } from '../side.ts'
import { llamaCpp } from './build.ts'

/** A Hugging Face directory as llama.cpp's own tool makes Q4_0 of it: q4_0 with a q6_K head, and the embedding q4_0 too. */
export async function prepare(base: string, file: string): Promise<void> {
  const wide = `${file}.f16`
  await run(process.execPath, [join(import.meta.dirname, 'gguf.ts'), base, wide])
  await run(join(await llamaCpp(), 'llama-quantize'), [wide, file, 'Q4_0'], true)
  rmSync(wide)
}

/** Decoding of a GGUF file by llama.cpp with its defaults: a float16 cache, and flash attention where it likes it. */
export async function measure({ base, batch, context, steps }: Setting): Promise<Report> {
  const threads = String(availableParallelism())
  const room = Math.ceil((context + steps + 1) / 256) * 256 // each sequence's share, which is rounded so
  const output = await run(join(await llamaCpp(), 'llama-batched-bench'), [
    ...['-m', base, '-t', threads, '-tb', threads, '-c', String(batch * room)],
    ...['-npp', String(context), '-ntg', String(steps), '-npl', String(batch)],
    '-pps', // reads the context once, and copies it to every sequence
    ...['--output-format', 'jsonl', '--log-verbosity', '1'], // errors only
  ])
  const line = output.split('\n').find((line) => line.startsWith('{'))
  if (!line) throw new Error(`llama-batched-bench measured nothing: ${output}`)
  const { speed_tg } = JSON.parse(line) as { speed_tg: number }
  return { tokensPerSecond: speed_tg, millisecondsPerStep: (1000 * batch) / speed_tg }
}
