/** Small sums, comparisons, counting, days and months. */
import { pick, type Skill } from '../skill.ts'

export const arithmetic: Skill = (random) => {
  const [x, y] = [random.below(21), random.below(21)]
  const [big, small] = [Math.max(x, y), Math.min(x, y)]
  const plus = random.below(2) === 0
  const [sum, sign, zh, en] = plus
    ? [`${x}+${y}`, x + y, `${x}加${y}`, `${x} plus ${y}`]
    : [`${big}-${small}`, big - small, `${big}减${small}`, `${big} minus ${small}`]
  return [
    pick(random, [
      { q: `${sum}等于几？`, a: `${sum}=${sign}`, short: `${sign}` },
      { q: `${zh}等于多少？`, a: `${zh}等于${sign}。`, short: `${sign}` },
      { q: `${sum}=?`, a: `${sum}=${sign}`, short: `${sign}` },
      { q: `What is ${en}?`, a: `${en} is ${sign}.`, short: `${sign}` },
    ]),
  ]
}

export const comparison: Skill = (random) => {
  const x = random.below(100)
  const y = (x + 1 + random.below(98)) % 100
  const [more, less] = [Math.max(x, y), Math.min(x, y)]
  return [
    pick(random, [
      { q: `${x}和${y}哪个大？`, a: `${more}比${less}大。`, short: `${more}` },
      { q: `${x}和${y}哪个小？`, a: `${less}比${more}小。`, short: `${less}` },
      { q: `Which is larger, ${x} or ${y}?`, a: `${more} is larger.`, short: `${more}` },
    ]),
  ]
}

export const counting: Skill = (random) => {
  const from = 1 + random.below(30)
  const to = from + 3 + random.below(5)
  const list = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  return [
    pick(random, [
      { q: `从${from}数到${to}。`, a: list.join('、') },
      { q: `Count from ${from} to ${to}.`, a: list.join(', ') },
      { q: `${from}的下一个数是几？`, a: `${from}的下一个数是${from + 1}。`, short: `${from + 1}` },
      { q: `What comes after ${from}?`, a: `${from + 1} comes after ${from}.`, short: `${from + 1}` },
    ]),
  ]
}

const days = ['星期一', '星期二', '星期三', '星期四', '星期五', '星期六', '星期日']
const englishDays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const seasons = ['春天', '夏天', '秋天', '冬天']

export const calendar: Skill = (random) => {
  const day = random.below(7)
  const month = 1 + random.below(12)
  const season = random.below(4)
  const at = <T>(list: readonly T[], i: number) => list[(i + list.length) % list.length]!
  const next = (month % 12) + 1
  return [
    pick(random, [
      {
        q: `${days[day]}的后一天是星期几？`,
        a: `${days[day]}的后一天是${at(days, day + 1)}。`,
        short: at(days, day + 1),
      },
      {
        q: `${days[day]}的前一天是星期几？`,
        a: `${days[day]}的前一天是${at(days, day - 1)}。`,
        short: at(days, day - 1),
      },
      {
        q: `What day comes after ${englishDays[day]}?`,
        a: `${at(englishDays, day + 1)} comes after ${englishDays[day]}.`,
        short: at(englishDays, day + 1),
      },
      { q: `${month}月的下一个月是几月？`, a: `${month}月的下一个月是${next}月。`, short: `${next}月` },
      {
        q: `${seasons[season]}过后是什么季节？`,
        a: `${seasons[season]}过后是${at(seasons, season + 1)}。`,
        short: at(seasons, season + 1),
      },
      { q: '一年有几个月？', a: '一年有十二个月。', short: '十二个月。' },
      { q: '一个星期有几天？', a: '一个星期有七天。', short: '七天。' },
    ]),
  ]
}
