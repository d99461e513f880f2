/**
 * Writes what both sides need for steps of a geometry: `prepare.ts DIRECTORY GEOMETRY STEPS`. A program of its own,
 * because on Linux the memory of whoever starts a process counts in the peak of what it starts.
 */
import { availableParallelism } from 'node:os'
import { writeRun } from '../peer/run.ts'
import { type GeometryName, geometries, samplesOf, writeBase } from './geometries.ts'

const [directory, name, steps] = process.argv.slice(2) as [string, GeometryName, string]
const geometry = geometries[name]
const samples = samplesOf(geometry)
writeBase(directory, geometry)
await writeRun(
  directory,
  {
    samples,
    steps: Array.from({ length: Number(steps) }, () => samples.map((_, i) => i)),
    learningRate: 1e-3,
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    maxGradNorm: 1,
    threads: availableParallelism(),
    ...{ prompts: [], answerTokens: 0, end: 0 },
  },
  { tokens: geometry.virtualTokens, std: 1, seed: 1 },
)
