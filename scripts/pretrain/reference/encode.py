"""What the Python library `tokenizers` (0.23.3) makes of some texts with the tokenizer of models/preamble-tiny.

Writes encodings.jsonl beside this file, a text and its ids a line. Run it again when the tokenizer changes:
python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3 && venv/bin/python encode.py
"""

import json
from pathlib import Path

from tokenizers import Tokenizer

HERE = Path(__file__).parent
TOKENIZER = HERE / "../../../models/preamble-tiny/tokenizer.json"

TEXTS = [
    "你好，你是谁？",
    "感冒了怎么办？",
    "建议多休息，多喝温水，饮食清淡一些。如果症状持续或加重，请及时就医。",
    "Who are you? I am preamble-tiny.",
    "12+7=19，第3个，2026-11-24",
    " leading and trailing ",
    "two  spaces\n\nand lines\r\n\ttab",
    "中文 and English，混在一起",
    "café naïve Ελληνικά русский العربية 한국어",
    "😀👩‍👩‍👧🇨🇳",
    "𠮷龘齉，㐀",
    "　全角空格　和“引号”……——",
    "a\u00a0b\u2028c\u0085d\ufeffe",
    "\x00\x1f\x7f\uffff",
    "<|user|>你好<|end|>",
    "",
]

# A special token's text counts as the token, as it does in a rendered conversation.
tokenizer = Tokenizer.from_file(str(TOKENIZER))
with open(HERE / "encodings.jsonl", "w", encoding="utf-8") as out:
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        out.write(json.dumps({"text": text, "ids": ids}, ensure_ascii=False) + "\n")
