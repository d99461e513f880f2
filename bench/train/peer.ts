/** A step here beside the same step in PyTorch with transformers and PEFT, for several geometries. */
import { availableParallelism } from 'node:os'
import { inTurn } from '../measure.ts'
import { here, peer, type Report } from '../peer/run.ts'
import { describe, type GeometryName, geometries } from './geometries.ts'
import { prepared, summary } from './prepared.ts'

const [rounds, steps] = [2, 7]
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

export async function besidePeer(names: readonly GeometryName[]): Promise<void> {
  console.log(`float32, ${availableParallelism()} threads; here with selective activation checkpointing`)
  for (const name of names) {
    const sides = await prepared(name, steps, (directory) =>
      inTurn(rounds, { here: () => here(directory, 'selective'), peer: () => peer(directory) }),
    )
    console.log(`\n${name}: ${describe(geometries[name])}\n${table(name, sides)}`)
  }
}

function table(name: GeometryName, { here, peer }: Record<'here' | 'peer', Report[]>): string {
  const { batch, time } = geometries[name]
  const [own, other] = [summary(here), summary(peer)]
  const speed = (step: number) => ((batch * time * 1000) / step).toFixed(0)
  const ms = (x: number) => `${x.toFixed(0)} ms`
  const times = (a: number, b: number, goal: string) => `${(a / b).toFixed(2)} ×  (${goal})`
  const losses = here[0]!.losses.map((loss, i) => [loss, peer[0]!.losses[i]!] as const)
  const rows: string[][] = [
    ['', 'here', 'PyTorch + PEFT', ''],
    ['step, median', ms(own.step), ms(other.step), times(other.step, own.step, 'as fast; the bar is 1.5')],
    ['step, best', ms(own.best), ms(other.best), times(other.best, own.best, 'as fast')],
    ['tokens/s', speed(own.step), speed(other.step), ''],
    [
      'peak memory',
      megabytes(own.peak),
      megabytes(other.peak),
      times(own.peak, other.peak, 'the bar is 0.5'),
    ],
    ['  before loading', megabytes(own.start), megabytes(other.start), ''],
    ...losses.map(([a, b], i) => [
      `loss of step ${i + 1}`,
      a.toFixed(6),
      b.toFixed(6),
      (a - b).toExponential(0),
    ]),
  ]
  return rows
    .map(([label, a, b, last]) => `  ${label!.padEnd(18)}${a!.padStart(12)}${b!.padStart(17)}   ${last}`)
    .join('\n')
}
