import { maxProblems, type Problem } from '../contract/dataset.ts'

/** What is wrong with a corpus: all of it is counted, the first thousand are kept. */
export class Problems {
  readonly list: Problem[] = []
  total = 0
  /** The first error; warnings do not stand in the way of training. */
  firstError: Problem | undefined

  add(found: Problem): void {
    const problem = shown(found)
    this.total += 1
    if (this.list.length < maxProblems) this.list.push(problem)
    if (problem.severity === 'error') this.firstError ??= problem
  }

  error(code: string, message: string, place: Pick<Problem, 'line' | 'column' | 'path'> = {}): void {
    this.add({ ...place, severity: 'error', code, message })
  }

  warning(code: string, message: string, place: Pick<Problem, 'line' | 'column' | 'path'> = {}): void {
    this.add({ ...place, severity: 'warning', code, message })
  }
}

/** A problem may quote what no text should hold, and then could not be stored. */
const shown = ({ path, message, ...problem }: Problem): Problem => ({
  ...problem,
  ...(path !== undefined && { path: storable(path) }),
  message: storable(message),
})
const storable = (text: string) => text.replaceAll('\0', '\uFFFD').toWellFormed()
