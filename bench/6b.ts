/**
 * `npm run bench:6b`: optimizer steps of P-Tuning v2 on ChatGLM3-6B's real shapes, with random weights, on a 4-bit base:
 * peak memory beside the plan's estimate, and time. Takes 17 GB of disk, which it gives back.
 *
 * npm run bench:6b -- [--dir DIRECTORY] [--steps N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './measure.ts'
import { measured } from './memory/step.ts'

const GiB = 2 ** 30
const bar = 8 * GiB
const recipe = 18_426 / 1024 // GiB that ChatGLM3's own recipe needs, as its README says

const { values } = parseArgs({
  options: { dir: { type: 'string' }, steps: { type: 'string', default: '3' } },
})
const root = mkdtempSync(join(values.dir ?? tmpdir(), 'preamble-6b-'))
try {
  const base = join(root, 'base')
  await run(process.execPath, [
    join(import.meta.dirname, '../scripts/fake-checkpoint.ts'),
    'chatglm3-6b',
    base,
  ])
  console.log('quantising the base, once')
  const { plan, milliseconds, losses, gradNorms, peak } = await measured({
    ...{ base, cache: join(root, 'cache'), steps: Number(values.steps) },
    method: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 128, prefix_projection: false },
    ...{ batch: 1, tokens: 384, available: bar },
    asked: { quantization_bit: 4 },
  })
  const gib = (bytes: number) => `${(bytes / GiB).toFixed(2)} GiB`
  const { base: weights, activations, optimizer, workspace, total } = plan.memory
  console.log(`
ChatGLM3-6B's shapes, random weights; 1 × 384 tokens, 192 of them labelled, 128 virtual tokens; ${availableParallelism()} threads
plan       base ${plan.form}, checkpointing ${plan.checkpointing}, for ${gib(bar)}
estimate   ${gib(total)}: base ${gib(weights)}, activations ${gib(activations)}, optimizer ${gib(optimizer)}, workspace ${gib(workspace)}
measured   ${gib(peak)} peak: ${(peak / total).toFixed(2)} × the estimate; the bar is ${gib(bar)}, ChatGLM3's own recipe takes ${recipe.toFixed(2)} GiB
step       ${milliseconds.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(', ')}
loss       ${losses.map((loss) => loss.toFixed(6)).join(', ')}
gradient   ${gradNorms.map((norm) => norm.toExponential(3)).join(', ')} (norm)`)
} finally {
  rmSync(root, { recursive: true, force: true })
}
