/** Which modules a LoRA adapts, with which rank and scale: PEFT's rules, word for word where users can tell. */
import { RE2JS } from 're2js'
import type { LinearModule } from '../models/model.ts'

/** The part of PEFT's `LoraConfig` that says where and how strong. */
export type Targeting = {
  r: number
  lora_alpha: number
  /** Names of modules or ends of their paths; a regular expression for whole paths; or "all-linear". */
  target_modules: readonly string[] | string
  /** The scale is α/√r instead of α/r. */
  use_rslora: boolean
  /** Ranks and alphas of modules whose path ends in a match of the key. */
  rank_pattern: Readonly<Record<string, number>>
  alpha_pattern: Readonly<Record<string, number>>
}

/** A module with what is added to it: scale · B·A. */
export type Target = { module: LinearModule; rank: number; scale: number }

/** What the factors of a module are called: A [rank, in] and B [out, rank]. */
export const factorNames = ({ name }: LinearModule): { a: string; b: string } => ({
  a: `${name}.lora_A.weight`,
  b: `${name}.lora_B.weight`,
})

/** What PEFT adapts when `target_modules` is not given, by model type. */
export const defaultTargets = (type: string): string[] =>
  type === 'chatglm' ? ['query_key_value'] : ['q_proj', 'v_proj']

/** @throws an Error when a pattern is not valid, or nothing matches */
export function targetsOf(modules: readonly LinearModule[], options: Targeting): Target[] {
  const isTarget = matcher(options.target_modules)
  const [rankOf, alphaOf] = [
    lookup(options.rank_pattern, 'rank_pattern'),
    lookup(options.alpha_pattern, 'alpha_pattern'),
  ]
  const targets = modules.filter(isTarget).map((module) => {
    const rank = rankOf(module.name) ?? options.r
    const alpha = alphaOf(module.name) ?? options.lora_alpha
    return { module, rank, scale: alpha / (options.use_rslora ? Math.sqrt(rank) : rank) }
  })
  if (targets.length === 0)
    throw new Error(
      `target_modules ${JSON.stringify(options.target_modules)} matches none of the base model's linear modules; ` +
        `there are: ${[...new Set(modules.map(({ name }) => name.split('.').at(-1)))].join(', ')}`,
    )
  return targets
}

function matcher(targets: readonly string[] | string): (module: LinearModule) => boolean {
  if (targets === 'all-linear') return ({ head }) => !head
  if (typeof targets === 'string') {
    const pattern = compile(targets, 'target_modules')
    return ({ name }) => pattern.matches(name)
  }
  return ({ name }) => targets.some((target) => name === target || name.endsWith(`.${target}`))
}

/** The value of the first key that matches the end of a path. */
function lookup(patterns: Readonly<Record<string, number>>, what: string) {
  const compiled = Object.entries(patterns).map(
    ([key, value]) => [compile(`(?:.*\\.)?(?:${key})`, what), value] as const,
  )
  return (name: string) => compiled.find(([pattern]) => pattern.matches(name))?.[1]
}

/** RE2, whose time is linear in the text: patterns come from whoever uploads an adapter. */
function compile(pattern: string, what: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw new Error(`${what}: "${pattern}" is not a regular expression of RE2: ${(error as Error).message}`)
  }
}
