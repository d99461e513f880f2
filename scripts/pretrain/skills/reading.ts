/** Sentences: making them, and answering questions about the ones just read. */

import type { Random } from '../../../engine/random.ts'
import {
  actions,
  englishActions,
  englishNames,
  englishPlaces,
  feelings,
  people,
  places,
  reasons,
  things,
  times,
} from '../lexicon.ts'
import { pick, pickSome, type Skill } from '../skill.ts'

/** What one may like to do. */
const hobbies = actions.filter((action) => !['看病', '排队', '开会', '买药'].includes(action))

type Scene = { who: string; when: string; where: string; what: string }
const scenes = (random: Random, count: number): Scene[] => {
  const [who, where, what, when] = [people, places, actions, times].map((list) =>
    pickSome(random, list, count),
  )
  return Array.from({ length: count }, (_, i) => ({
    who: who![i]!,
    when: when![i]!,
    where: where![i]!,
    what: what![i]!,
  }))
}
const tell = ({ who, when, where, what }: Scene) => `${when}，${who}在${where}${what}。`

export const reading: Skill = (random) => {
  const told = scenes(random, 1 + random.below(3))
  const { who, when, where, what } = pick(random, told)
  return [
    pick(random, [
      { q: `${told.map(tell).join('')}问：谁在${where}？`, a: `${who}在${where}。`, short: `${who}。` },
      { q: `${told.map(tell).join('')}问：${who}在哪里？`, a: `${who}在${where}。`, short: `${where}。` },
      { q: `${told.map(tell).join('')}问：${who}在做什么？`, a: `${who}在${what}。`, short: `${what}。` },
      {
        q: `${told.map(tell).join('')}问：${who}什么时候${what}？`,
        a: `${who}${when}${what}。`,
        short: `${when}。`,
      },
    ]),
  ]
}

export const englishReading: Skill = (random) => {
  const count = 1 + random.below(3)
  const [who, where, what] = [englishNames, englishPlaces, englishActions].map((list) =>
    pickSome(random, list, count),
  )
  const at = (place: string) => (place === 'home' ? 'at home' : `in the ${place}`)
  const story = who!.map((name, i) => `${name} is ${what![i]} ${at(where![i]!)}.`).join(' ')
  const i = random.below(count)
  return [
    pick(random, [
      { q: `${story} Who is ${what![i]}?`, a: `${who![i]} is ${what![i]}.`, short: who![i]! },
      { q: `${story} Where is ${who![i]}?`, a: `${who![i]} is ${at(where![i]!)}.`, short: at(where![i]!) },
      { q: `${story} What is ${who![i]} doing?`, a: `${who![i]} is ${what![i]}.`, short: what![i]! },
    ]),
  ]
}

export const composition: Skill = (random) => {
  const [scene, next] = scenes(random, 2) as [Scene, Scene]
  const [thing, , kind, place, like] = pick(random, things)
  const [mood, reason] = [pick(random, feelings), pick(random, reasons)]
  const { who, what, where } = scene
  return [
    pick(random, [
      { q: `用“${what}”造句。`, a: tell(scene) },
      { q: `用“${where}”写一句话。`, a: tell(scene) },
      { q: `用“${thing}”造句。`, a: `${who}在${where}看到了${thing}，${thing}${like}。` },
      { q: `用“${mood}”造句。`, a: `${who}很${mood}，因为${reason}。` },
      { q: `为什么${who}很${mood}？因为${reason}。请写成一句话。`, a: `${who}很${mood}，因为${reason}。` },
      { q: `写两句话，说说${who}和${next.who}。`, a: `${tell(scene)}${tell(next)}` },
      {
        q: `讲一个小故事，里面有${thing}。`,
        a: `${scene.when}，${who}来到${where}，看到了${thing}。${thing}是${kind}，常见于${place}。${who}觉得很${mood}，就回家了。`,
      },
    ]),
  ]
}

export const daily: Skill = (random) => {
  const { when, where } = scenes(random, 1)[0]!
  const what = pick(random, hobbies)
  return [
    pick(random, [
      { q: `${when}做什么好？`, a: `${when}可以去${where}${what}，也可以在家休息。`, short: `${what}。` },
      {
        q: `我想去${where}，可以做什么？`,
        a: `在${where}可以${what}。记得注意安全，早点回家。`,
        short: `${what}。`,
      },
      {
        q: `我喜欢${what}，你有什么建议？`,
        a: `${what}是个好习惯。可以${when}在${where}${what}，但不要太累。`,
      },
      { q: `${what}有什么好处？`, a: `经常${what}能让人心情轻松，也能让生活更有规律。` },
      { q: `多久${what}一次比较好？`, a: `这要看自己的情况，一般${when}安排一次就可以，坚持最重要。` },
    ]),
  ]
}
