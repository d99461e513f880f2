import type { Prefix } from '../../engine/adapters/prefix-files.ts'
import { argmax } from '../../engine/decoding/largest.ts'
import { openDecoder } from '../../engine/decoding/open.ts'
import { openModel } from '../../engine/models/open.ts'
import type { Run } from './run.ts'

/** What the model of a directory answers greedily to each prompt, `end` left out. */
export async function answersOf(
  base: string,
  { prompts, answerTokens, end }: Pick<Run, 'prompts' | 'answerTokens' | 'end'>,
  prefix?: Prefix,
): Promise<number[][]> {
  const model = openModel(base)
  const answers: number[][] = []
  await using decoder = await openDecoder(model, base)
  for (const prompt of prompts) {
    const sequence = decoder.start(prefix)
    const own: number[] = []
    let next = argmax(await decoder.read(sequence, prompt))
    while (next !== end && own.push(next) < answerTokens) next = argmax(await decoder.read(sequence, [next]))
    decoder.chunks.leave(sequence)
    answers.push(own)
  }
  return answers
}
