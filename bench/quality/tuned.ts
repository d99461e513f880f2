/** P-Tuning v2 of one skill without its instruction: the same run here and in PyTorch with PEFT. */
import { availableParallelism } from 'node:os'
import { Random } from '../../engine/random.ts'
import { inBatches } from '../../engine/training/batch.ts'
import { here, peer, type Report, writeRun } from '../peer/run.ts'
import { answerTokens, end, inputsBut, promptOf, type Skill, sampleOf, skills } from './skills.ts'

const [count, epochs, batch] = [2000, 6, 32]
const virtualTokens = 16
// Random rows need a high rate: at 1e-2 the loss takes more than twice the steps to fall as far.
const learningRate = 3e-2

export const words = `${count} samples, ${(count * epochs) / batch} steps of ${batch}, ${virtualTokens} virtual tokens, learning rate ${learningRate}`

/** Trains both on samples whose inputs are not held out, then asks both for the answers to those that are. */
export async function tuned(
  directory: string,
  skill: Skill,
  heldOut: readonly (readonly number[])[],
  seed: number,
): Promise<Record<'here' | 'peer', Report>> {
  const random = new Random(seed + 1)
  const inputs = inputsBut(heldOut, count, random)
  const order = Array.from({ length: epochs }, () => random.shuffled([...inputs.keys()])).flat()
  await writeRun(
    directory,
    {
      samples: inputs.map((input) => sampleOf(promptOf(input), skills[skill](input))),
      steps: inBatches(order, batch),
      learningRate,
      optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      maxGradNorm: 1,
      threads: availableParallelism(),
      ...{ prompts: heldOut.map((input) => promptOf(input)), answerTokens, end },
    },
    { tokens: virtualTokens, std: 1, seed },
  )
  return { here: await here(directory, 'none'), peer: await peer(directory) }
}
