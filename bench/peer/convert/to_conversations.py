"""From simple JSON to conversations, 70 % of them to train on, all in memory: to_conversations.py SIMPLE TRAIN DEV"""

import json
import random
import sys

simple, train, dev = sys.argv[1:]

with open(simple, encoding="utf-8") as file:
    pairs = json.load(file)

conversations = [
    {
        "conversations": [
            {"role": "user", "content": pair["q"]},
            {"role": "assistant", "content": pair["a"]},
        ]
    }
    for pair in pairs
]
random.seed(42)
random.shuffle(conversations)
cut = round(0.7 * len(conversations))

for path, part in [(train, conversations[:cut]), (dev, conversations[cut:])]:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(part, file, ensure_ascii=False, indent=4)
