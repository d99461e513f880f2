import { concat, gather, input } from '../graph/build.ts'
import type { Node } from '../graph/node.ts'
import type { Bindable } from './adapter.ts'

/** What the parameter of the `index`th of several adapters is called in their common graph. */
export const nameBeside = (index: number, parameter: string): string => `${index}.${parameter}`

/**
 * One or more prefixes on one base, all of the same number of virtual tokens: each row of a batch has the one whose index the
 * graph's input `owner` (B) names. A row's gradient reaches its own prefix alone, also where another's is no number.
 */
export function sideBySide(adapters: readonly Bindable[]): Bindable {
  const { virtualTokens, firstPosition } = adapters[0]!
  return {
    virtualTokens,
    firstPosition,
    bind(base) {
      const bound = adapters.map((adapter, index) =>
        adapter.bind({ ...base, parameter: (name, shape) => input(nameBeside(index, name), shape) }),
      )
      const owner = input('owner', ['B'], 'int64')
      return {
        ...base,
        past(layer) {
          const each = bound.map((binding) => binding.past!(layer, 1)) // (1, kvHeads, P, d)
          const owned = (rows: readonly Node[]) => gather(concat(rows, 0), owner) // (B, kvHeads, P, d)
          return { key: owned(each.map(({ key }) => key)), value: owned(each.map(({ value }) => value)) }
        },
      }
    },
  }
}
