/** A corpus of any size, the same each time: questions and answers in Chinese and English, no two questions alike. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Random } from '../../engine/random.ts'

const things = ['感冒', '失眠', '头痛', '近视', 'a cold', 'a headache', 'lower back pain', 'a sprained ankle']
const openings = [
  '怎样预防',
  '得了以后怎么办：',
  '为什么会有',
  'What helps against',
  'How long does it take to recover from',
]
const sentences = [
  '建议多休息，多喝温水，饮食清淡一些。',
  '平时要多到户外活动，少看屏幕，读书时坐直，光线要好。',
  '如果三天以后还没有好转，就去看医生，不要自己随便吃药。',
  '睡前不要喝咖啡和浓茶，也不要看手机，房间要安静、凉爽。',
  'Drink plenty of water, sleep enough, and go for a walk every day.',
  'Most people feel better within a week; see a doctor if the pain gets worse.',
  'Do not take "strong" medicine without advice, and keep the room cool and dark.',
]

/** Writes blocks until there are `bytes`. @returns how many pairs there are */
export async function writeCorpus(path: string, bytes: number): Promise<number> {
  const random = new Random(1)
  const pick = (from: readonly string[]) => from[Math.floor(random.uniform() * from.length)]!
  let pairs = 0
  function* chunks() {
    for (let written = 0; written < bytes; ) {
      let text = ''
      while (text.length < 100_000) {
        const answer = Array.from({ length: 1 + Math.floor(random.uniform() * 4) }, () => pick(sentences))
        const lines = random.uniform() < 0.3 ? answer.join('\n') : answer.join('')
        text += `${pick(openings)} ${pick(things)}？(${++pairs})\n${lines}\n\n`
      }
      const chunk = Buffer.from(text)
      written += chunk.length
      yield chunk
    }
  }
  await pipeline(Readable.from(chunks()), createWriteStream(path))
  return pairs
}
