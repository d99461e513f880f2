/** A step here beside the same step in PyTorch with transformers and PEFT, for several geometries. */
import { availableParallelism } from 'node:os'
import { inTurn } from '../measure.ts'
import { here, peer, type Report } from '../peer/run.ts'
import { describe, type GeometryName, geometries } from './geometries.ts'
import { prepared, type Summary, summary } from './prepared.ts'

const [rounds, steps] = [2, 7]
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

/** Here at both levels of checkpointing, which PEFT has none of for prefixes. */
type Sides = Record<'selective' | 'full' | 'peer', Report[]>

export async function besidePeer(names: readonly GeometryName[]): Promise<void> {
  console.log(`float32, ${availableParallelism()} threads; here with activation checkpointing`)
  for (const name of names) {
    const sides = await prepared(name, steps, (directory) =>
      inTurn(rounds, {
        selective: () => here(directory, 'selective'),
        full: () => here(directory, 'full'),
        peer: () => peer(directory),
      }),
    )
    console.log(`\n${name}: ${describe(geometries[name])}\n${table(name, sides)}`)
  }
}

function table(name: GeometryName, sides: Sides): string {
  const { batch, time } = geometries[name]
  const [selective, full, peer] = [summary(sides.selective), summary(sides.full), summary(sides.peer)]
  const speed = ({ step }: Summary) => ((batch * time * 1000) / step).toFixed(0)
  const ms = (x: number) => `${x.toFixed(0)} ms`
  const x = (ratio: number) => `${ratio.toFixed(2)} ×`
  const beside = (of: (side: Summary) => string) => [of(selective), of(full), of(peer)]
  const losses = sides.peer[0]!.losses.map((loss, i) => [
    sides.selective[0]!.losses[i]!,
    sides.full[0]!.losses[i]!,
    loss,
  ])
  const apart = Math.max(...losses.flatMap(([a, b, c]) => [Math.abs(a! - c!), Math.abs(b! - c!)]))
  const rows: string[][] = [
    ['', 'selective', 'full', 'PyTorch + PEFT', ''],
    ['step, median', ...beside(({ step }) => ms(step)), ''],
    ['  times as fast', x(peer.step / selective.step), x(peer.step / full.step), '', 'the bar is 1.5'],
    ['step, best', ...beside(({ best }) => ms(best)), ''],
    ['tokens/s', ...beside(speed), ''],
    ['peak memory', ...beside(({ peak }) => megabytes(peak)), ''],
    ['  of the peer', x(selective.peak / peer.peak), x(full.peak / peer.peak), '', 'the bar is 0.5'],
    ['  before loading', ...beside(({ start }) => megabytes(start)), ''],
    ...losses.map((of, i) => [`loss of step ${i + 1}`, ...of.map((loss) => loss.toFixed(6)), '']),
    ['  furthest apart', apart.toExponential(0), '', '', 'the bar is 1e-3'],
  ]
  return rows
    .map(([label, a, b, c, last]) =>
      `  ${label!.padEnd(18)}${a!.padStart(12)}${b!.padStart(12)}${c!.padStart(17)}   ${last}`.trimEnd(),
    )
    .join('\n')
}
