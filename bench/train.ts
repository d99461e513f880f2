/**
 * `npm run bench:train`: how fast and how lean P-Tuning v2 steps are, on models with random weights.
 *
 * npm run bench:train                              the share of the machine's peak that a step reaches
 * npm run bench:train -- --peer [GEOMETRY…]        beside PyTorch with transformers and PEFT
 * npm run bench:train -- --checkpoint [LEVEL…]     memory and time of activation checkpointing
 */
import { parseArgs } from 'node:util'
import { checkpointing, levels } from './train/checkpointing.ts'
import { type GeometryName, geometries } from './train/geometries.ts'
import { shareOfPeak } from './train/peak.ts'
import { besidePeer } from './train/peer.ts'

const { values, positionals } = parseArgs({
  options: { peer: { type: 'boolean' }, checkpoint: { type: 'boolean' } },
  allowPositionals: true,
})

/** The names given, or all of these when none is. */
function chosen<Name extends string>(what: string, known: readonly Name[], all = known): readonly Name[] {
  const unknown = positionals.find((name) => !known.includes(name as Name))
  if (unknown) throw new Error(`no ${what} "${unknown}"; known: ${known.join(', ')}`)
  return positionals.length > 0 ? (positionals as Name[]) : all
}

if (values.peer) {
  const known = Object.keys(geometries) as GeometryName[]
  await besidePeer(chosen('geometry', known, ['llama-512x8', 'llama-1024x12', 'gemma-512x8']))
} else if (values.checkpoint) await checkpointing(chosen('level', levels))
else await shareOfPeak()
