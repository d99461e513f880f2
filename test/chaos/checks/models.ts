/** No model was served before it was whole. */
import { type Asked, ask, tunedModels } from '../models.ts'
import type { Check } from './check.ts'

/** Asks every model once more, now that nothing fails: each must answer, and as it did before. */
export async function checkModels(world: Parameters<typeof ask>[0], asked: Asked): Promise<Check[]> {
  const before = asked.answers.size
  const silent: string[] = []
  const listed = await tunedModels(world.client)
  for (const model of listed) if (!(await ask(world, asked, model))) silent.push(`${model} does not answer`)
  const changed = [...asked.answers].flatMap(([model, said]) =>
    said.size === 1 ? [] : [`${model} has said ${[...said].map((text) => JSON.stringify(text)).join(', ')}`],
  )
  return [
    {
      says: `${asked.seen.size} models were whole when they were first listed, ${before} answered at once`,
      problems: asked.wrong,
    },
    { says: `${listed.length} models answer, as they did all the time`, problems: [...silent, ...changed] },
  ]
}
