/**
 * `npm run bench:memory`: memory of training by method, precision and size of the base, as planned and as measured, each
 * in a process of its own. ChatGLM3-6B is in `npm run bench:6b`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Tuning } from '../engine/adapters/open.ts'
import { median } from './measure.ts'
import { measured } from './memory/step.ts'
import { type GeometryName, geometries, writeBase } from './train/geometries.ts'

const names: GeometryName[] = ['llama-512x8', 'llama-1024x12', 'gemma-512x8']
const methods: Record<string, Tuning> = {
  prefix: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 128, prefix_projection: false },
  LoRA: {
    ...{ peft_type: 'LORA', r: 8, lora_alpha: 16, lora_dropout: 0, target_modules: 'all-linear' },
    ...{ use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
  },
  all: { peft_type: 'FULL' },
}
const precisions = { float32: 0, '8 bits': 8, '4 bits': 4 } as const

const row = (...cells: string[]) =>
  cells.map((cell, i) => (i < 5 ? cell.padEnd(14) : cell.padStart(11))).join('')
const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

const root = mkdtempSync(join(tmpdir(), 'preamble-memory-'))
try {
  console.log(`micro-batches of 4 × 256 tokens, half of them labelled; ${availableParallelism()} threads`)
  console.log(
    row('base', 'method', 'precision', 'held as', 'checkpointing', 'estimate', 'measured', 'ratio', 'step'),
  )
  for (const name of names) {
    const directory = join(root, name)
    writeBase(directory, geometries[name])
    for (const [method, tuning] of Object.entries(methods))
      for (const [precision, bits] of Object.entries(precisions)) {
        if (tuning.peft_type === 'FULL' && bits !== 0) continue
        for (const level of ['selective', 'full'] as const) {
          const { plan, peak, milliseconds } = await measured({
            ...{ base: join(directory, 'base'), cache: join(root, 'cache'), method: tuning },
            ...{ batch: 4, tokens: 256, steps: 3 },
            asked: { quantization_bit: bits, gradient_checkpointing: level },
          })
          const { total } = plan.memory
          const step = `${median(milliseconds).toFixed(0)} ms`
          console.log(
            row(
              name,
              method,
              precision,
              plan.form,
              level,
              mb(total),
              mb(peak),
              (peak / total).toFixed(2),
              step,
            ),
          )
        }
      }
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
