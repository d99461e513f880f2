/** Skills with words: opposites, translation, repeating, reversing, counting. */
import { actions, dictionary, feelings, opposites, places, things } from '../lexicon.ts'
import { pick, pickSome, type Skill } from '../skill.ts'

export const opposite: Skill = (random) => {
  const [a, b, x, y] = pick(random, opposites)
  const [word, other] = random.below(2) === 0 ? [a!, b!] : [b!, a!]
  return [
    pick(random, [
      { q: `“${word}”的反义词是什么？`, a: `“${word}”的反义词是“${other}”。`, short: other },
      { q: `${word}的反义词？`, a: `${word}的反义词是${other}。`, short: other },
      { q: `What is the opposite of ${x}?`, a: `The opposite of ${x} is ${y}.`, short: y! },
    ]),
  ]
}

export const translation: Skill = (random) => {
  const [zh, en] = pick(random, [...dictionary, ...opposites.map((row) => [row[0]!, row[2]!])]) as [
    string,
    string,
  ]
  return [
    pick(random, [
      { q: `“${zh}”用英语怎么说？`, a: `“${zh}”用英语说是 ${en}。`, short: en },
      { q: `把“${zh}”翻译成英语。`, a: en, short: en },
      { q: `“${en}”是什么意思？`, a: `“${en}”的意思是${zh}。`, short: zh },
      { q: `Translate "${zh}" into English.`, a: en, short: en },
      { q: `Translate "${en}" into Chinese.`, a: zh, short: zh },
    ]),
  ]
}

const nouns = [...things.map((row) => row[0]!), ...actions, ...feelings, ...places]
const englishNouns = things.map((row) => row[1]!)

export const repeat: Skill = (random) => {
  const chinese = random.below(3) > 0
  const list = pickSome(random, chinese ? nouns : englishNouns, 2 + random.below(3))
  const joined = list.join(chinese ? '、' : ', ')
  const backwards = list.toReversed().join(chinese ? '、' : ', ')
  return [
    chinese
      ? pick(random, [
          { q: `请重复：${joined}`, a: joined },
          { q: `跟我说：${joined}`, a: joined },
          { q: `倒过来说：${joined}`, a: backwards },
          { q: `${joined}，一共有几个词？`, a: `一共有${list.length}个词。`, short: `${list.length}个。` },
          { q: `${joined}，第一个词是什么？`, a: `第一个词是${list[0]}。`, short: list[0]! },
          { q: `${joined}，最后一个词是什么？`, a: `最后一个词是${list.at(-1)}。`, short: list.at(-1)! },
        ])
      : pick(random, [
          { q: `Repeat: ${joined}`, a: joined },
          { q: `Say it backwards: ${joined}`, a: backwards },
          { q: `${joined}: how many words?`, a: `There are ${list.length} words.`, short: `${list.length}` },
          { q: `${joined}: what is the first one?`, a: `The first one is ${list[0]}.`, short: list[0]! },
        ]),
  ]
}

/** The 3,755 most common Chinese characters: the first level of GB 2312, rows 16 to 55. */
export const commonCharacters: readonly string[] = (() => {
  const decoder = new TextDecoder('gb18030')
  const codes = Array.from({ length: 40 * 94 }, (_, i) => [0xb0 + Math.floor(i / 94), 0xa1 + (i % 94)])
  return codes.map((code) => decoder.decode(Uint8Array.from(code))).filter((c) => /\p{Script=Han}/u.test(c))
})()

/** Every common character comes up, so that none is a stranger to the network. */
export const spell: Skill = (random) => {
  const list = Array.from({ length: 4 + random.below(7) }, () => pick(random, commonCharacters))
  return [{ q: pick(random, [`照着写：${list.join('')}`, `请抄写：${list.join('')}`]), a: list.join('') }]
}
