import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openModel } from '../models/open.ts'
import { weightShapes } from '../models/weight-shapes.ts'
import { Random } from '../random.ts'
import { encodeSafetensors } from './safetensors.ts'

/**
 * Makes a Hugging Face directory with a config.json and untrained weights: matrices N(0, 0.02²), as transformers
 * initialises them, and norms 1. The same seed gives the same bytes.
 */
export function writeInitialCheckpoint(directory: string, config: object, seed: number): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  const random = new Random(seed)
  const tensors = [...weightShapes(openModel(directory))].map(([name, shape]) => {
    const count = shape.reduce((n, d) => n * d, 1)
    const data = shape.length === 1 ? new Float32Array(count).fill(1) : random.normal(count, 0.02)
    return [name, { shape, data }] as const
  })
  writeFileSync(join(directory, 'model.safetensors'), encodeSafetensors(tensors))
}
