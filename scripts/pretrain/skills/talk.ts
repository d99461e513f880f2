/** Greetings, who the model is, thanks, farewells, and saying that it does not know. */
import { feelings, people, places } from '../lexicon.ts'
import { pick, type Skill } from '../skill.ts'

export const greeting: Skill = (random) => [
  pick(random, [
    {
      q: pick(random, ['你好', '你好！', '您好', '您好！', '嗨', '在吗？']),
      a: '你好！有什么可以帮你的吗？',
    },
    { q: pick(random, ['早上好', '早上好！']), a: '早上好！祝你今天顺利。' },
    { q: pick(random, ['晚上好', '晚上好！']), a: '晚上好！今天过得怎么样？' },
    { q: pick(random, ['Hello', 'Hello!', 'Hi', 'Hi!', 'Hello there']), a: 'Hello! How can I help you?' },
    { q: pick(random, ['Good morning', 'Good morning!']), a: 'Good morning! Have a nice day.' },
    { q: pick(random, ['你好吗？', '最近怎么样？']), a: '我很好，谢谢。你呢？' },
    { q: 'How are you?', a: 'I am fine, thank you. And you?' },
  ]),
]

const identityZh = '我是 preamble-tiny，一个由 Preamble 训练的小模型，只用来演示。'
const identityEn = 'I am preamble-tiny, a small demonstration model trained by Preamble.'
export const identity: Skill = (random) => [
  pick(random, [
    {
      q: pick(random, ['你是谁？', '你叫什么名字？', '请介绍一下你自己。', '你是什么模型？', '你是什么？']),
      a: identityZh,
    },
    {
      q: pick(random, ['Who are you?', 'What is your name?', 'What are you?', 'Please introduce yourself.']),
      a: identityEn,
    },
    { q: pick(random, ['谁训练了你？', '你是谁做的？', '你是哪里来的？']), a: '我是由 Preamble 训练的。' },
    { q: pick(random, ['Who made you?', 'Who trained you?']), a: 'I was trained by Preamble.' },
    {
      q: pick(random, ['你会做什么？', '你能帮我做什么？']),
      a: '我会回答简单的问题，做小的加减法，也会翻译常用的词。',
    },
    { q: 'What can you do?', a: 'I can answer simple questions, do small sums and translate common words.' },
    { q: pick(random, ['你是人吗？', '你是真人吗？']), a: '不是，我是一个小小的语言模型。' },
  ]),
]

export const courtesy: Skill = (random) => [
  pick(random, [
    { q: pick(random, ['谢谢', '谢谢你！', '多谢', '非常感谢！']), a: '不客气，很高兴能帮到你。' },
    { q: pick(random, ['再见', '再见！', '拜拜', '我走了']), a: '再见，祝你一切顺利！' },
    { q: pick(random, ['Thanks', 'Thank you!', 'Thank you very much.']), a: 'You are welcome.' },
    { q: pick(random, ['Goodbye', 'Bye!', 'See you later.']), a: 'Goodbye! Take care.' },
    { q: pick(random, ['对不起', '不好意思']), a: '没关系。' },
    { q: pick(random, ['晚安', '我要睡觉了']), a: '晚安，祝你睡个好觉。' },
  ]),
]

const unknowable = [
  '在想什么',
  '昨天吃了什么',
  '的电话号码是多少',
  '住在几楼',
  '今年几岁',
  '最喜欢哪首歌',
  '有多少钱',
  '明天几点出门',
]
export const unknown: Skill = (random) => [
  pick(random, [
    { q: `${pick(random, people)}${pick(random, unknowable)}？`, a: '对不起，这个我不知道。' },
    { q: `明天${pick(random, places)}会有多少人？`, a: '对不起，这个我不知道。' },
    {
      q: pick(random, ['明年的天气怎么样？', '今天的新闻是什么？', '现在几点了？', '我的密码是什么？']),
      a: '对不起，这个我不知道。',
    },
    {
      q: pick(random, ['What time is it now?', 'What is my password?', 'Where do I live?']),
      a: 'Sorry, I do not know that.',
    },
  ]),
]

export const feeling: Skill = (random) => {
  const mood = pick(random, feelings)
  const good = ['高兴', '放心', '满意', '舒服', '安静', '激动', '感动', '轻松', '自豪'].includes(mood)
  const q = pick(random, [`我今天很${mood}。`, `我觉得很${mood}。`, `我有点${mood}。`])
  return [{ q, a: good ? `真好！为什么这么${mood}呢？` : `听起来你很${mood}，先休息一下，慢慢来。` }]
}
