import { join } from 'node:path'
import type { Binding, Model } from '../../engine/models/model.ts'
import { openModel } from '../../engine/models/open.ts'
import { openCheckpoint } from '../../engine/weights/checkpoint.ts'
import { quantizedBase } from '../../engine/weights/quantized/base.ts'

/** A base in the form that serves in 4 bits; its quantised weights are kept beside it. */
export function quantized(directory: string): { model: Model; base: Binding } {
  const model = openModel(directory)
  const quantization = { bits: 4, products: 'forward' } as const
  const opening = quantizedBase(model, openCheckpoint(directory), quantization, join(directory, 'quantized'))
  let opened = opening.next()
  while (!opened.done) opened = opening.next()
  return { model, base: opened.value }
}
