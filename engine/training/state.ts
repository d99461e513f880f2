/** What a run needs to go on as if it had never stopped: three files, without any weight of the base. */
import { z } from 'zod'
import type { Parameters } from '../adapters/adapter.ts'
import type { AdapterFiles } from '../adapters/adapter-files.ts'
import type { Moments } from '../optim/adamw.ts'
import { baseForms } from '../plan/base-form.ts'
import type { Plan } from '../plan/plan.ts'
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../weights/safetensors.ts'
import type { Best } from './best.ts'
import { decodeCurve, encodeCurve } from './curve.ts'
import type { Meter } from './meter.ts'

const metaFile = 'state.json'
const tensorFile = 'state.safetensors'
const curveFile = 'curve.f64'

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
  /** How the run is trained: another plan would give other last digits. */
  plan: z.object({
    form: z.enum(baseForms),
    checkpointing: z.enum(['none', 'selective', 'full']),
    microBatch: z.int().positive(),
    accumulation: z.int().positive(),
    memory: z.object({
      ...{ base: z.number(), activations: z.number(), optimizer: z.number() },
      ...{ workspace: z.number(), total: z.number() },
    }),
    available: z.number(),
  }),
  best: z.object({ step: z.int(), value: z.number(), stale: z.int() }).optional(),
})

/**
 * Order of data and dropout need no place: they follow from the seed and the step. A loss that is no number has none
 * either, so that a run that diverged cannot be kept.
 */
export function encodeState(
  run: string,
  step: number,
  {
    plan,
    parameters,
    moments,
    meter,
    best,
  }: { plan: Plan; parameters: Parameters; moments: Moments; meter: Meter; best?: Best },
): AdapterFiles {
  const { total, sums, curve } = meter.state
  const meta: z.input<typeof Meta> = {
    ...{ step, run, plan, meter: { total, sums } },
    best: best && { step: best.step, value: best.value, stale: best.stale },
  }
  const tensors: [string, Tensor][] = []
  for (const [name, { shape, data }] of parameters) {
    const { m, v } = moments.get(name)!
    tensors.push([`parameter.${name}`, { shape, data }], [`m.${name}`, { shape, data: m }])
    tensors.push([`v.${name}`, { shape, data: v }])
    const kept = best?.parameters.get(name)
    if (kept) tensors.push([`best.${name}`, kept])
  }
  return {
    [metaFile]: new TextEncoder().encode(`${JSON.stringify(Meta.parse(meta), null, 2)}\n`),
    [tensorFile]: encodeSafetensors(tensors),
    [curveFile]: encodeCurve(curve),
  }
}

const metaOf = (state: AdapterFiles) => Meta.parse(JSON.parse(new TextDecoder().decode(state[metaFile])))

/** How the run that a state is of is trained. */
export const planIn = (state: AdapterFiles): Omit<Plan, 'together'> => metaOf(state).plan

/**
 * Puts a state's values into the parameters and moments of a run, and answers the rest of it.
 * @throws an Error when it is of another run, or damaged
 */
export function restoreState(
  state: AdapterFiles,
  run: string,
  { parameters, moments }: { parameters: Parameters; moments: Moments },
) {
  const meta = metaOf(state)
  if (meta.run !== run) throw new Error('the state is of a run with other data or settings')
  const tensors = decodeSafetensors(state[tensorFile] ?? new Uint8Array(), tensorFile)
  const take = (name: string, into: Float32Array) => {
    const found = tensors.get(name)?.data
    if (found?.length !== into.length)
      throw new Error(`${tensorFile}: "${name}" has ${found?.length ?? 'no'} values, the run ${into.length}`)
    into.set(found)
  }
  const kept: Parameters = new Map()
  for (const [name, { shape, data }] of parameters) {
    const { m, v } = moments.get(name)!
    take(`parameter.${name}`, data)
    take(`m.${name}`, m)
    take(`v.${name}`, v)
    if (meta.best) {
      kept.set(name, { shape, data: new Float32Array(data.length) })
      take(`best.${name}`, kept.get(name)!.data)
    }
  }
  const curve = decodeCurve(state[curveFile] ?? new Uint8Array(), meta.step)
  return {
    step: meta.step,
    meter: { ...meta.meter, curve },
    best: meta.best && { ...meta.best, parameters: kept },
  }
}
