"""From a text corpus to simple JSON, all in memory: to_simple.py CORPUS SIMPLE"""

import json
import sys

corpus, simple = sys.argv[1:]

with open(corpus, encoding="utf-8") as file:
    blocks = file.read().split("\n\n")

pairs = []
for block in blocks:
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    if lines:
        pairs.append({"q": lines[0], "a": "\n".join(lines[1:])})

with open(simple, "w", encoding="utf-8") as file:
    json.dump(pairs, file, ensure_ascii=False, indent=4)
