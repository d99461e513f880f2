"""How ChatGLM3's finetune_hf.py scores replies: words by jieba, ROUGE by rouge_chinese, BLEU-4 by nltk.

Writes fixtures/metrics/pairs.json, replies beside what was wanted with words and scores of each, and
fixtures/metrics/words.json, the words of the texts in fixtures/text/strings.json.
"""

import json
from pathlib import Path

import jieba
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_chinese import Rouge

FIXTURES = Path(__file__).parent / "fixtures"
OUT = FIXTURES / "metrics"

PAIRS = [
    # Chinese: the same, near, in another order, shorter, longer, nothing in common
    ("多喝水，注意休息。", "多喝水，注意休息。"),
    ("多喝温水，注意休息，饮食清淡一些。", "建议多休息，多喝温水，饮食清淡一些。"),
    ("休息注意，水喝多。", "多喝水，注意休息。"),
    ("多喝水。", "平时要多到户外活动，少看屏幕。读书时坐直，光线要好。"),
    ("平时要多到户外活动，少看屏幕。读书时坐直，光线要好。", "多喝水。"),
    ("明天北京有雨。", "早晚刷牙，饭后漱口"),
    ("好", "好"),
    ("好", "坏"),
    ("是的", "是的。"),
    ("平时要早晚刷牙，饭后漱口，少吃甜食，按时看牙医。", "早晚都要刷牙，饭后要漱口，甜食少吃，定期看牙医。"),
    ("我来到北京清华大学。", "他来到了网易杭研大厦。"),
    ("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。", "白日依山尽，黄河入海流。"),
    # the same n-grams again and again
    ("水水水水水水", "水"),
    ("多喝水多喝水多喝水多喝水", "多喝水，多喝水。"),
    ("哈哈哈哈哈哈哈哈", "哈哈"),
    # English
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("The cat is on the mat.", "There is a cat on the mat."),
    ("the the the the the the the", "the cat is on the mat"),
    ("Drink eight glasses of water every day, please.", "You should drink about eight glasses of water a day."),
    ("yes", "yes"),
    ("yes", "no"),
    ("a b c d", "a b c d"),
    ("a b c d e f g", "g f e d c b a"),
    ("don't worry, it's 3.14 or 50%", "do not worry, it's 3.14 or 50%!"),
    # both
    ("每天drink 8杯water", "每天应该drink 8杯water。"),
    ("我用Python写了一个web服务器，端口是8080。", "他用Python写web服务器，端口是8081。"),
    ("GPT-4和ChatGLM3-6B哪个更好？", "ChatGLM3-6B和GPT-4哪个好？"),
    # sentences, lines and quotation marks, by which rouge_chinese cuts
    ("好。好！好？", "好。好！好？"),
    ("第一步：洗手。\n第二步：擦干。", "第一步：洗手。\n\n第二步：擦干。\n\n第三步：涂药。"),
    ("1. 多睡\n2. 多喝水\r\n3. 少吃糖", "1. 多睡\n2. 少吃糖"),
    ("他说：“好！”她答：“不行。”", "他说：“不行！”她答：“好。”"),
    ("等等……再说......吧", "等等......再说……吧"),
    ("嗯.......好........的............", "嗯......好的.............好"),
    ("\n\n好\n\n\n的\n", "好\t的"),
    ("a?b?c", "a? b? c?"),
    # other signs
    ("😀好的👍🏽", "好的👍🏽"),
    ("①②③ ㎏", "①② ㎏"),
    ("café naïve", "cafe naive"),
    # little or nothing
    ("。", "。"),
    ("", "好的。"),
    ("好的。", ""),
    ("", ""),
    ("  \n", "好"),
]


def scores(reply: list[str], target: list[str]) -> dict[str, float]:
    """As compute_metrics, before its rounding; it crashes where a text is empty, and such a pair is worth 0 here."""
    if not reply or not target:
        return {"rouge-1": 0.0, "rouge-2": 0.0, "rouge-l": 0.0, "bleu-4": 0.0}
    rouge = Rouge().get_scores(" ".join(reply), " ".join(target))[0]
    bleu = sentence_bleu([target], reply, smoothing_function=SmoothingFunction().method3)
    return {**{name: value["f"] for name, value in rouge.items()}, "bleu-4": float(bleu)}


def pair(reply: str, target: str) -> dict:
    words = [list(jieba.cut(text.strip())) for text in (reply, target)]
    return {"reply": reply, "target": target, "words": words, **scores(*words)}


OUT.mkdir(parents=True, exist_ok=True)
strings = json.loads((FIXTURES / "text" / "strings.json").read_text())
for name, rows in {
    "pairs.json": [pair(*texts) for texts in PAIRS],
    "words.json": [list(jieba.cut(text)) for text in strings],
}.items():
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (OUT / name).write_text(f"[\n{lines}\n]\n")
