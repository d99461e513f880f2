"""Texts that tokenizers are compared on: ordinary ones, and all that is known to lead tokenizers astray."""

CHINESE = """感冒了应该怎么办？|多喝水，注意休息。|每天应该喝多少水？大约八杯水。|发烧的时候应该注意什么|你好|您好！|谢谢你的帮助，再见。
怎样预防近视？平时要多到户外活动，少看屏幕。|读书时坐直，光线要好。|白日依山尽，黄河入海流。欲穷千里目，更上一层楼。|繁體中文：請問這裡怎麼走？
他说：“今天天气真好。”她答：‘是的。’|《红楼梦》第一回——甄士隐梦幻识通灵|价格是￥１２８．５０元（含税）|一二三四五六七八九十百千万亿|①②③ ㈠㈡ ⅠⅡⅢ ㎏ ㎡ ℃
鱻龘靐齉爩|𠮷野家 𪚥𪚥𪚥|問：什麼是人工智慧？\n答：就是讓機器像人一樣思考。|：；，。、？！…—～·《》「」『』【】〔〕|[Round 1]\n\n问：你好\n\n答：""".replace("\n", "|")

ENGLISH = """Hello, how are you?|What should I drink? You should drink water every day.|I am fine, thank you.|don't we'll I'm they've it's o'clock
The quick brown fox jumps over the lazy dog.|Antidisestablishmentarianism|supercalifragilisticexpialidocious|philosopher sopranos eop sop
3.14159 1,234,567 1e-5 0x1F 50% $9.99 #1|mail me@example.org or see https://example.org/a?b=c&d=e#f|ALL CAPS AND lower AND CamelCaseWord snake_case_word kebab-case-word
a|b c|Z|naïve café résumé Zürich Ærø smørrebrød łódź İstanbul ß ſ|Привет, мир! Ελληνικά Հայերեն|שלום עולם مرحبا بالعالم|नमस्ते दुनिया ไทย ភាសាខ្មែរ|日本語のテキスト、カタカナとひらがな|한국어 문장입니다 각|Tiếng Việt có dấu""".replace("\n", "|")

MIXED = """mixed 中文 and English, 123 and café|我用Python写了一个web服务器，端口是8080。|GPT-4和ChatGLM3-6B哪个更好？|在Mac上按⌘+C复制|2024年11月24日 15:30 UTC+8|WHO建议每天drink 8杯water
Hello你好Hello你好|a中b文c|（full）【width】 and (half)[width]|iPhone 15 Pro：￥7999起！|U.S.A.的GDP≈25万亿$|C++和C#以及F#，π≈3.14""".replace("\n", "|")

EMOJI = """😀|a😀b|😀😃😄😁😆|👩‍👩‍👧 family|👍🏽 👍🏿|🇨🇳🇺🇸🇫🇷|❤️ ❤ ☺️|1️⃣2️⃣3️⃣|🏳️‍🌈|你好😀，再见👋！|🤷🏻‍♀️🤷🏻‍♀️|𝓱𝓮𝓵𝓵𝓸 𝟘𝟙𝟚""".replace("\n", "|")

CODE = [
    "def f(x):\n    return x + 1\n",
    "for i in range(10):\n\tif i % 2:\n\t\tprint(i)\n",
    "int main(void) { return 0; } // done",
    "const f = (a, b) => a ?? b;\n\nexport { f }\n",
    '{"key": [1, 2.5, null, true], "名": "值"}',
    "SELECT * FROM t WHERE a = 'b' -- c\n;",
    "<html><body class=\"x\">hi &amp; bye</body></html>",
    "#include <stdio.h>\r\n#define X(a) a##b\r\n",
    "a\\nb \\t \\u4f60 \\x41 \\\\",
    "if (a<b && c>d || !e) { f(); }",
    "$ ls -la | grep '^d' > /dev/null 2>&1",
    "```python\nprint('hi')\n```",
    "\\frac{a}{b} = \\sqrt{x^2 + y^2}",
    "    four\n        eight\n            twelve",
    "x = [[1,2],[3,4]]\ny = x[0][1:]",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "==== ---- **** ____ ~~~~ ....",
    "0000000000000000 1111 22 333",
]

MARKERS = [
    "<s>",
    "</s>",
    "<unk>",
    "a<s>b</s>c",
    "<pad> <mask>",
    "<bos><eos>",
    "<start_of_turn>user\nhi<end_of_turn>",
    "<|user|>",
    "<|system|>\nobey<|assistant|>",
    "[gMASK]sop",
    "<|im_start|>system\nx<|im_end|>",
    "<|endoftext|>",
    "[INST] hi [/INST]",
    "<<SYS>>",
    "<0x0A>",
    "<0x41><0x42>",
    "<0xFF>",
    "a<think>no</think>",
    "▁",
    "▁▁▁",
    "a▁b ▁c",
    "<s",
    "/s>",
    "<｜end｜>",
]

CONTROL = [
    "\x00",
    "a\x00b",
    "\x01\x02\x03 \x1b[31mred\x1b[0m",
    "\x7f\x80\x85\x9f",
    "bell\x07 back\x08 form\x0c vertical\x0b",
    "\u200b\u200c\u200d\u2060\ufeff",
    "\ufeffbegins with a mark",
    "left\u200eright\u200f\u202eabc\u202c",
    "soft\u00adhyphen",
    "\u2028line\u2029paragraph",
    "\ufffd\ufffc",
    "\ue000\uf8ff",
    "\U000e0001\U000e0041",
    "\U0010ffff",
    "a\u034fb",
]

SPACE = [
    "",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\n\n\n\n",
    "\t",
    "\t\t\t",
    "\r\n",
    "\r",
    " a",
    "a ",
    "  a  ",
    "   three before",
    "three after   ",
    "a  b   c    d     e",
    "a\n b\n  c\n   d",
    "a \n \n b",
    "\n a",
    " \n",
    "\n ",
    "\ta\t",
    "tab\tspace \tboth\t ",
    "a\u00a0b\u2003c\u2009d\u202fe",
    "全角　空格　　两个",
    "　开头",
    "结尾　",
    "two  spaces\n\nand lines\r\n\ttab",
    *(" " * n for n in (4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64, 100)),
    *("x" + " " * n + "y" for n in (6, 12, 20, 40)),
    *("\n" * n for n in (3, 5, 8, 17)),
    "\t" * 9,
    " \t \n \r\n " * 3,
]

COMBINING = [
    "e\u0301",
    "cafe\u0301 caf\u00e9",
    "a\u0300\u0301\u0302\u0303\u0304",
    "n\u0303 \u00f1",
    "\u0301",
    " \u0301a",
    "\u1100\u1161\u11a8",  # Hangul in parts
    "\uac01",
    "\u0e01\u0e33 \u0e01\u0e4d\u0e32",
    "\u0915\u094d\u0937",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0346l\u0357\u0365g\u0366o",
    "\u212b \u00c5 A\u030a",
    "\uff21\u0301",  # full-width A with an accent
    "\u01c4 \u01c5 \u01c6",
    "\u3070 \u306f\u3099 \uff8a\uff9e",
]

FULL_WIDTH = """ＡＢＣ　ａｂｃ　１２３|！＂＃＄％＆＇（）＊＋，－．／|：；＜＝＞？＠［＼］＾＿｀｛｜｝～|ｱｲｳｴｵ ｶﾞｷﾞｸﾞ|ﬁ ﬂ ﬃ ﬆ|½ ¼ ² ³ ₁ ₂ ™ ® © ℡ № ㏂|㍿ ㌔ ㋿ ㊙|‘’“”„‚«»‹›|… ‥ — – ‐ ‑ − ﹣|Ｈｅｌｌｏ，世界！|﷽ ﷺ|〜～∼˜"""

LONG = [
    "多喝水，" * 40,
    "Hello, how are you? " * 20,
    "a" * 300,
    "啊" * 200,
    "😀" * 50,
    "ab" * 150,
    "=" * 120,
    "1234567890" * 20,
    "你好 hello " * 30 + "\n" * 5 + " " * 50 + "end",
]

WORDS = "water 水 day 天 drink 喝 the 的 cat 猫 should 应该 door 门 fine 好 every 每 what 什么 you 你 休息 rest".split()
# Short texts of corpus words in every place: before, after and between each other, with and without a space.
PAIRS = [a + joint + b for i, a in enumerate(WORDS) for joint in ["", " "] for b in [WORDS[(i * 7 + 3) % len(WORDS)]]]

STRINGS = [
    *(text for part in (CHINESE, ENGLISH, MIXED, EMOJI, FULL_WIDTH) for text in part.split("|")),
    *CODE,
    *MARKERS,
    *CONTROL,
    *SPACE,
    *COMBINING,
    *LONG,
    *PAIRS,
]
