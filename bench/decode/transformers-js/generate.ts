/** Decodes with transformers.js's own `generate` and prints its report: `generate.ts MODULE SETTING`. */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Random } from '../../../engine/random.ts'
import type { Geometry } from '../geometries.ts'
import { reportOf, type Setting } from '../side.ts'

/** What is used of it. */
type TransformersJs = {
  env: { localModelPath: string; allowRemoteModels: boolean }
  Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: number[]) => object
  DynamicCache: new (entries: Record<string, object>) => object
  AutoModelForCausalLM: {
    from_pretrained(
      id: string,
      options: { dtype: string; device: string },
    ): Promise<{
      generate(options: object): Promise<unknown>
    }>
  }
}

const [module, setting] = process.argv.slice(2) as [string, string]
const { base, batch, context, steps } = JSON.parse(setting) as Setting
const { env, Tensor, DynamicCache, AutoModelForCausalLM } = (await import(module)) as TransformersJs
env.localModelPath = dirname(base)
env.allowRemoteModels = false
const model = await AutoModelForCausalLM.from_pretrained(basename(base), { dtype: 'q4', device: 'cpu' })

const config: Geometry['config'] = JSON.parse(readFileSync(join(base, 'config.json'), 'utf8'))
const { num_hidden_layers: layers, num_key_value_heads: kvHeads, head_dim: headDim } = config
// Rows of a context that nobody has read: how fast the next one comes does not depend on what they are.
const random = new Random(1)
const shape = [batch, kvHeads, context, headDim]
const rows = random.normal(
  shape.reduce((n, d) => n * d),
  1,
)
const past: Record<string, object> = {}
for (let i = 0; i < layers; i++)
  for (const which of ['key', 'value'])
    past[`past_key_values.${i}.${which}`] = new Tensor('float32', rows, shape)

/** When the prompt was taken, and each token after it. */
const times: number[] = []
await model.generate({
  input_ids: new Tensor(
    'int64',
    BigInt64Array.from({ length: batch }, () => BigInt(random.below(config.vocab_size))),
    [batch, 1],
  ),
  attention_mask: new Tensor('int64', new BigInt64Array(batch * (context + 1)).fill(1n), [
    batch,
    context + 1,
  ]),
  past_key_values: new DynamicCache(past),
  max_new_tokens: steps + 1,
  do_sample: false,
  streamer: { put: () => times.push(performance.now()), end() {} },
})
const [, ...counted] = times // allocators and threads get ready with the first token
console.log(JSON.stringify(reportOf(counted, batch)))
