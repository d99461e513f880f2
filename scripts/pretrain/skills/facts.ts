/** Plain facts about things, jobs and the body, as a short prose answer. */
import { body, jobs, situations, things } from '../lexicon.ts'
import { pick, type Skill } from '../skill.ts'

export const thingFacts: Skill = (random) => {
  const [name, , kind, place, like] = pick(random, things)
  const q = pick(random, [
    `${name}是什么？`,
    `什么是${name}？`,
    `介绍一下${name}。`,
    `请说说${name}。`,
    `你知道${name}吗？`,
  ])
  const a = pick(random, [
    `${name}是一种${kind}，常见于${place}，${like}。`,
    `${name}是${kind}。它常常在${place}，特点是${like}。`,
  ])
  return [{ q, a, short: `${name}是${kind}。` }]
}

export const thingQuestions: Skill = (random) => {
  const [name, english, kind, place, like] = pick(random, things)
  return [
    pick(random, [
      { q: `${name}在哪里可以看到？`, a: `在${place}可以看到${name}。`, short: `${place}。` },
      { q: `${name}是什么样的？`, a: `${name}${like}。`, short: `${like}。` },
      { q: `${name}属于哪一类？`, a: `${name}属于${kind}。`, short: `${kind}。` },
      { q: `${name}用英语怎么说？`, a: `${name}的英语是 ${english}。`, short: english! },
      { q: `What is ${name} in English?`, a: `${name} is "${english}" in English.`, short: english! },
      { q: `How do you say ${english} in Chinese?`, a: `It is ${name}.`, short: name! },
    ]),
  ]
}

export const yesNo: Skill = (random) => {
  const [name, , kind] = pick(random, things)
  const other = random.below(2) === 0 ? kind : pick(random, things)[2]
  const yes = other === kind
  return [
    {
      q: pick(random, [`${name}是${other}吗？`, `请问${name}是不是${other}？`]),
      a: yes ? `是的，${name}是${kind}。` : `不是，${name}是${kind}，不是${other}。`,
      short: yes ? '是。' : '不是。',
    },
  ]
}

export const jobFacts: Skill = (random) => {
  const [name, english, duty, place] = pick(random, jobs)
  return [
    pick(random, [
      { q: `${name}是做什么的？`, a: `${name}的工作是${duty}，一般在${place}工作。`, short: `${duty}。` },
      { q: `${name}在哪里工作？`, a: `${name}一般在${place}工作。`, short: `${place}。` },
      { q: `谁${duty}？`, a: `${name}${duty}。`, short: `${name}。` },
      { q: `${name}用英语怎么说？`, a: `${name}的英语是 ${english}。`, short: english! },
      {
        q: `What is ${/^[aeiou]/.test(english!) ? 'an' : 'a'} ${english} called in Chinese?`,
        a: `It is ${name}.`,
        short: name!,
      },
    ]),
  ]
}

export const bodyFacts: Skill = (random) => {
  const [part, english, use, care] = pick(random, body)
  return [
    pick(random, [
      { q: `${part}有什么用？`, a: `${part}是用来${use}的，对身体很重要。`, short: `${use}。` },
      { q: `怎样保护${part}？`, a: `要保护${part}，可以这样做：${care}。`, short: `${care}。` },
      { q: `为什么要爱护${part}？`, a: `因为${part}能帮助我们${use}，所以平时要注意：${care}。` },
      { q: `${part}的英语是什么？`, a: `${part}的英语是 ${english}。`, short: english! },
      { q: `What do we use the ${english} for?`, a: `The ${english} is ${part} in Chinese. 它用来${use}。` },
    ]),
  ]
}

export const advice: Skill = (random) => {
  const [situation, first, mind, never] = pick(random, situations)
  const q = pick(random, [
    `${situation}怎么办？`,
    `${situation}，我该怎么做？`,
    `如果${situation}，要注意什么？`,
    `${situation}的时候有什么建议？`,
  ])
  const a = pick(random, [
    `${situation}的时候，可以先${first}，再${mind}，不要${never}。`,
    `首先${first}。另外，${mind}。千万不要${never}。`,
    `你可以${first}，也要${mind}。记住，不要${never}。`,
  ])
  return [{ q, a, short: `${first}。` }]
}
