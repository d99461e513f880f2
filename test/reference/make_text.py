"""Tiny tokenizers, and what tokenizers and transformers make of texts and conversations with them.

Writes fixtures/text/NAME/ (tokenizer.json, tokenizer_config.json, ...) and fixtures/text/NAME/expected.json.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

OUT = Path(__file__).parent / "fixtures" / "text"

CORPUS = [
    "Hello, how are you today? I am fine, thank you.",
    "The cat sat on the mat. The dog ran to the door.",
    "What should I drink? You should drink water every day.",
    "感冒了应该怎么办？多喝水，注意休息。",
    "每天应该喝多少水？大约八杯水。",
    "发烧的时候应该注意什么？多休息，多喝水。",
] * 4

TEXTS = [
    "Hello, how are you?",
    " leading and trailing ",
    "two  spaces\n\nand lines\r\n\ttab",
    "感冒了应该怎么办？",
    "mixed 中文 and English, 123 and café",
    "𠮷 😀👩‍👩‍👧 ﷽",
    "a<think>b",
    "don't we'll I'm",
    "",
]

CONVERSATIONS = {
    "one turn": [{"role": "user", "content": "感冒了应该怎么办？"}],
    "with system": [
        {"role": "system", "content": "You are a cat."},
        {"role": "user", "content": "Hello!"},
    ],
    "white space around": [{"role": "user", "content": "  \n Hello! \n"}],
    "two turns": [
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hello, how are you?"},
        {"role": "user", "content": "What should I drink?"},
    ],
    "answered": [
        {"role": "user", "content": "What should I drink?"},
        {"role": "assistant", "content": "多喝水。\n\nEvery day."},
    ],
}

CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)

# The layout of Llama 2: role markers are plain text, replies end with eos, a system turn goes into the first user turn.
INST = (
    "{% if messages[0]['role'] == 'system' %}"
    "{% set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}{% set turns = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}"
    "{% for message in turns %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + (system if loop.first else '') + message['content'] | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("<think>", normalized=False)])
    return tokenizer


def sentencepiece(legacy: bool) -> Tokenizer:
    """As Llama 2's: byte fallback, a space before the text; by a normalizer (legacy) or only before the first piece."""
    alphabet = sorted(set("".join(CORPUS)) - {" "} | {"▁"})
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=120, initial_alphabet=alphabet))
    learned = json.loads(trained.to_str())["model"]

    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *learned["vocab"]]
    model = models.BPE(
        vocab={piece: i for i, piece in enumerate(pieces)},
        merges=[tuple(merge) for merge in learned["merges"]],
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def write(name: str, tokenizer: Tokenizer, config: dict, generation: dict | None = None, jinja: str | None = None):
    directory = OUT / name
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    dump(directory / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **config})
    if generation:
        dump(directory / "generation_config.json", generation)
    if jinja:
        (directory / "chat_template.jinja").write_text(jinja)

    reference = AutoTokenizer.from_pretrained(directory)
    texts = [
        {
            "text": text,
            "ids": tokenizer.encode(text, add_special_tokens=False).ids,
            "raw": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids),
        }
        for text in TEXTS
    ]
    chats = [
        {
            "name": chat,
            "conversation": conversation,
            "add_generation_prompt": generation_prompt,
            "text": text,
            "ids": tokenizer.encode(text, add_special_tokens=False).ids,
        }
        for chat, conversation in CONVERSATIONS.items()
        for generation_prompt in (True, False)
        for text in [
            reference.apply_chat_template(conversation, tokenize=False, add_generation_prompt=generation_prompt)
        ]
    ]
    dump(directory / "expected.json", {"texts": texts, "chats": chats})


def dump(path: Path, value: dict) -> None:
    """JSON with one line for each key, and for each object of a list."""

    def line(item: object) -> str:
        if isinstance(item, list) and isinstance(item[0], dict):
            return "[\n" + ",\n".join(map(compact, item)) + "\n]"
        return compact(item)

    path.write_text("{\n" + ",\n".join(f"{compact(key)}: {line(item)}" for key, item in value.items()) + "\n}\n")


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    write(
        "chatml",
        byte_level(),
        {"eos_token": "<|im_end|>", "pad_token": {"__type": "AddedToken", "content": "<|endoftext|>", "special": True}},
        generation={"eos_token_id": [2, 0]},
        jinja=CHATML,
    )
    llama2 = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": INST}
    write("llama2-legacy", sentencepiece(legacy=True), llama2)
    write("llama2", sentencepiece(legacy=False), llama2)
