/** What the tests against PyTorch share: opening a reference, its steps, runs and replies. */
import { expect } from 'vitest'
import type { Adapter, Parameters } from '../engine/adapters/adapter.ts'
import type { Lora } from '../engine/adapters/lora-files.ts'
import { prefixAdapter } from '../engine/adapters/prefix.ts'
import { splitRows } from '../engine/adapters/prefix-files.ts'
import type { Sequence } from '../engine/decoding/chunks.ts'
import type { Decoder } from '../engine/decoding/decoder.ts'
import type { Checkpointing } from '../engine/grad/checkpoint.ts'
import type { Binding, Model } from '../engine/models/model.ts'
import { openModel } from '../engine/models/open.ts'
import { ropeFeeds } from '../engine/models/step.ts'
import { learningRateAt } from '../engine/optim/schedule.ts'
import { Session, type SessionOptions } from '../engine/runtime/session.ts'
import { collate, type Layout, type TokenSample } from '../engine/training/batch.ts'
import { trainingGraph } from '../engine/training/graph.ts'
import { Trainer } from '../engine/training/trainer.ts'
import { openCheckpoint } from '../engine/weights/checkpoint.ts'
import { frozen } from '../engine/weights/frozen.ts'
import type { ReferenceBatch, ReferenceRun } from './reference/load.ts'

export const samplesOf = ({ tokens, targets }: Pick<ReferenceBatch, 'tokens' | 'targets'>): TokenSample[] =>
  tokens.map((row, i) => ({ tokens: row, targets: targets[i]! }))

/** A checkpoint of the reference, opened. */
export function open<R extends { directory: string }>(reference: R) {
  const checkpoint = openCheckpoint(reference.directory)
  return {
    ...reference,
    model: openModel(reference.directory),
    checkpoint,
    base: { weight: frozen(checkpoint) },
  }
}
export type Opened = ReturnType<typeof open>

export const partsOf = ({ layers }: Model) =>
  Array.from({ length: layers }, (_, l) => [`key.${l}`, `value.${l}`]).flat()

/** A prefix's parameters from PEFT's `prompt_embeddings`. */
export function prefixParameters(model: Model, tokens: number, data: Float32Array): Parameters {
  const { keys, values } = splitRows(data, tokens, model.layers)
  const rows = keys.flatMap((key, l) => [key, values[l]!])
  const shape = [tokens, model.kvHeads * model.headDim]
  return new Map(partsOf(model).map((part, i) => [part, { shape, data: rows[i]! }]))
}

export const prefixOf = ({ model, directory }: Opened, projection?: number): Adapter =>
  prefixAdapter(model, directory, {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: 8,
    prefix_projection: projection !== undefined,
    encoder_hidden_size: projection,
  })

/** Loss and gradients of one batch, without an optimizer. */
export function lossAndGradients(
  opened: { model: Model; base: Binding },
  adapter: Adapter,
  parameters: Parameters,
  batch: Pick<ReferenceBatch, 'tokens' | 'targets'>,
  checkpointing: Checkpointing = 'none',
  options: SessionOptions = {},
) {
  return gradientsOf(opened, adapter, parameters, samplesOf(batch), { ...options, checkpointing })
}

/** The same, laid out as one wishes. */
export async function gradientsOf(
  { model, base }: { model: Model; base: Binding },
  adapter: Adapter,
  parameters: Parameters,
  samples: readonly TokenSample[],
  {
    checkpointing = 'none',
    longest = Math.max(...samples.map((s) => s.tokens.length)),
    packed,
    ...options
  }: Layout & SessionOptions & { checkpointing?: Checkpointing },
) {
  const graph = trainingGraph({ model, base, adapter, parameters, checkpointing, packed })
  await using session = await Session.open(graph, options)
  const { feeds, labelled } = collate(samples, adapter, { longest, packed })
  const weights = feeds.weights!.data as Float32Array
  const { losses, ...gradients } = await session.run({
    ...feeds,
    weights: { data: weights.map((weight) => weight / labelled), shape: [weights.length] },
    ...ropeFeeds(model, adapter.virtualTokens + longest),
    ...Object.fromEntries(parameters),
  })
  const of = (name: string) => gradients[`gradient of ${name}`]!.data as Float32Array
  return {
    loss: (losses!.data as Float32Array).subarray(0, labelled).reduce((sum, x) => sum + x, 0) / labelled,
    gradients: new Map([...parameters.keys()].map((name) => [name, of(name)])),
  }
}

/** ‖got − wanted‖ / ‖wanted‖ */
export function relativeError(got: Float32Array, wanted: Float32Array): number {
  expect(got.length).toBe(wanted.length)
  const norm = (of: (i: number) => number) => Math.sqrt(wanted.reduce((sum, _, i) => sum + of(i) ** 2, 0))
  return norm((i) => got[i]! - wanted[i]!) / norm((i) => wanted[i]!)
}

/** The largest difference between the losses of the reference's 20 steps and ours. */
export async function worstLoss(
  { model, base, batches }: Opened & { batches: ReferenceBatch[] },
  adapter: Adapter,
  parameters: Parameters,
  run: ReferenceRun,
): Promise<number> {
  const optimizer = {
    beta1: run.betas[0],
    beta2: run.betas[1],
    epsilon: run.eps,
    weightDecay: run.weight_decay,
  }
  const longest = Math.max(...batches.flatMap((b) => b.tokens.map((t) => t.length)))
  const setup = { model, base, adapter, parameters, optimizer, maxGradNorm: run.max_grad_norm, longest }
  await using trainer = await Trainer.open(setup)
  const schedule = {
    type: run.schedule,
    learningRate: run.learning_rate,
    warmupSteps: run.warmup_steps,
    steps: run.losses.length,
  }
  let worst = 0
  for (const [i, wanted] of run.losses.entries()) {
    const { loss } = await trainer.step(
      [samplesOf(batches[i % batches.length]!)],
      learningRateAt(schedule, i),
    )
    worst = Math.max(worst, Math.abs(loss - wanted))
  }
  return worst
}

/** The greedy continuation of a prompt. */
export async function greedyReply(
  decoder: Decoder,
  prompt: readonly number[],
  count: number,
  sequence: Sequence,
  lora?: Lora,
): Promise<number[]> {
  const out: number[] = []
  let read = prompt
  while (out.length < count) {
    const logits = await decoder.read(sequence, read, { lora })
    read = [logits.indexOf(Math.max(...logits))]
    out.push(...read)
  }
  return out
}
