/** What a run needs to go on as if it had never stopped: two files, without any weight of the base. */
import { z } from 'zod'
import type { Parameters } from '../adapters/adapter.ts'
import type { AdapterFiles } from '../adapters/adapter-files.ts'
import type { Moments } from '../optim/adamw.ts'
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../weights/safetensors.ts'
import type { Meter } from './meter.ts'

const metaFile = 'state.json'
const tensorFile = 'state.safetensors'

const Meta = z.object({
  step: z.int().positive(),
  /** Says which run it is of: one with other data or settings would go another way. */
  run: z.string(),
  meter: z.object({
    total: z.number(),
    sums: z.object({
      loss: z.number(),
      labelled: z.number(),
      tokens: z.number(),
      gradNorm: z.number(),
      milliseconds: z.number(),
    }),
  }),
  best: z.object({ step: z.int(), loss: z.number() }).optional(),
})

/** The best evaluation so far, and the weights that it was of. */
export type Best = { step: number; loss: number; values: Map<string, Float32Array> }

/**
 * Order of data and dropout need no place: they follow from the seed and the step. A loss that is no number has none
 * either, so that a run that diverged cannot be kept.
 */
export function encodeState(
  run: string,
  step: number,
  {
    parameters,
    moments,
    meter,
    best,
  }: { parameters: Parameters; moments: Moments; meter: Meter; best?: Best },
): AdapterFiles {
  const meta: z.input<typeof Meta> = {
    ...{ step, run, meter: meter.state },
    best: best && { step: best.step, loss: best.loss },
  }
  const tensors: [string, Tensor][] = []
  for (const [name, { shape, data }] of parameters) {
    const { m, v } = moments.get(name)!
    tensors.push([`parameter.${name}`, { shape, data }], [`m.${name}`, { shape, data: m }])
    tensors.push([`v.${name}`, { shape, data: v }])
    const kept = best?.values.get(name)
    if (kept) tensors.push([`best.${name}`, { shape, data: kept }])
  }
  return {
    [metaFile]: new TextEncoder().encode(`${JSON.stringify(meta, null, 2)}\n`),
    [tensorFile]: encodeSafetensors(tensors),
  }
}

/**
 * Puts a state's values into the parameters and moments of a run, and answers the rest of it.
 * @throws an Error when it is of another run, or damaged
 */
export function restoreState(
  state: AdapterFiles,
  run: string,
  { parameters, moments }: { parameters: Parameters; moments: Moments },
) {
  const meta = Meta.parse(JSON.parse(new TextDecoder().decode(state[metaFile])))
  if (meta.run !== run) throw new Error('the state is of a run with other data or settings')
  const tensors = decodeSafetensors(state[tensorFile] ?? new Uint8Array(), tensorFile)
  const take = (name: string, into: Float32Array) => {
    const found = tensors.get(name)?.data
    if (found?.length !== into.length)
      throw new Error(`${tensorFile}: "${name}" has ${found?.length ?? 'no'} values, the run ${into.length}`)
    into.set(found)
  }
  const values = new Map<string, Float32Array>()
  for (const [name, { data }] of parameters) {
    const { m, v } = moments.get(name)!
    take(`parameter.${name}`, data)
    take(`m.${name}`, m)
    take(`v.${name}`, v)
    if (meta.best) {
      values.set(name, new Float32Array(data.length))
      take(`best.${name}`, values.get(name)!)
    }
  }
  return { step: meta.step, meter: meta.meter, best: meta.best && { ...meta.best, values } }
}
