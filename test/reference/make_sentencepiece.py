"""Tiny SentencePiece models in directories as they are published, and the ids of the texts of text_strings.py.

Writes fixtures/text/strings.json and, for each kind, fixtures/text/NAME/ with its tokenizer files and ids.json: what
transformers makes of each text where it reads such a directory ("transformers"), and what sentencepiece itself makes
of it ("sentencepiece"), where special tokens' texts are plain text.
"""

import json
import shutil
import unicodedata
from pathlib import Path

import sentencepiece
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, GemmaTokenizer
from transformers.convert_slow_tokenizer import generate_merges

from text_strings import STRINGS

HERE = Path(__file__).parent
OUT = HERE / "fixtures" / "text"
SAMPLES = (HERE.parent.parent / "samples" / "health-zh.txt").read_text().split("\n")
CORPUS = [text for text in STRINGS if text.strip()] * 2 + [line for line in SAMPLES if line]


def train(name: str, **options) -> Path:
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_prefix=str(directory / "tokenizer"),
        num_threads=1,
        minloglevel=2,
        character_coverage=0.998,
        **options,
    )
    (directory / "tokenizer.vocab").unlink()
    return directory


def dump(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def references(directory: Path, transformers: bool = False, processor: SentencePieceProcessor | None = None) -> None:
    """ids.json: one line for each text."""
    kinds = {}
    if transformers:
        tokenizer = AutoTokenizer.from_pretrained(directory)
        kinds["transformers"] = [tokenizer.encode(text, add_special_tokens=False) for text in STRINGS]
    if processor:
        kinds["sentencepiece"] = [processor.encode(text) for text in STRINGS]
    lines = [
        f'"{kind}": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"
        for kind, rows in kinds.items()
    ]
    (directory / "ids.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def processor(directory: Path) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_file=str(directory / "tokenizer.model"))


LLAMA_LIKE = dict(
    model_type="bpe",
    normalization_rule_name="identity",
    remove_extra_whitespaces=False,
    byte_fallback=True,
    split_digits=True,
    allow_whitespace_only_pieces=True,
)


def llama() -> None:
    """As LlamaTokenizer reads a directory that has only tokenizer.model."""
    for name, legacy in {"sp-llama": False, "sp-llama-legacy": True}.items():
        directory = train(name, vocab_size=1600, **LLAMA_LIKE)
        config = {"tokenizer_class": "LlamaTokenizer", "legacy": legacy, "add_bos_token": True}
        special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        dump(directory / "tokenizer_config.json", {**config, **special})
        references(directory, transformers=True, processor=processor(directory))


def small_rules() -> str:
    """Normalization rules of a few hundred characters: what NFKC does to the texts' own, sequences composed, some lost."""
    rules = {c: unicodedata.normalize("NFKC", c) for c in map(chr, range(0x100)) if c not in "\n\r\t "}
    rules |= {c: unicodedata.normalize("NFKC", c) for text in STRINGS for c in text}
    rules |= {unicodedata.normalize("NFD", c): c for c in map(chr, range(0xC0, 0x180))}
    rules |= {"\u1100\u1161": "\uac00", "\u1100\u1161\u11a8": "\uac01", "\u306f\u3099": "\u3070", "\uff8a\uff9e": "\u30d0"}
    rules |= {"\r": " ", "\t": " ", "\r\n": "\n", "\u00ad": "", "\u200b": "", "\x01": ""}
    line = lambda text: " ".join(f"{ord(c):X}" for c in text)
    return "".join(f"{line(a)}\t{line(b)}\n" for a, b in sorted(rules.items()) if a != b and a != "\x00")


def flags() -> None:
    """BPE with all that Llama's model leaves out: a charsmap, extra white space removed, user-defined pieces."""
    rules = OUT / "rules.tsv"
    rules.write_text(small_rules())
    directory = train(
        "sp-bpe",
        model_type="bpe",
        vocab_size=1200,
        normalization_rule_tsv=str(rules),
        user_defined_symbols=["<think>", "[gMASK]"],
        control_symbols=["<|im_start|>", "<|im_end|>"],
    )
    rules.unlink()
    references(directory, processor=processor(directory))


def unigram() -> None:
    directory = train("sp-unigram", model_type="unigram", vocab_size=900, normalization_rule_name="identity", remove_extra_whitespaces=False)
    references(directory, processor=processor(directory))
    directory = train("sp-unigram-nfkc", model_type="unigram", vocab_size=1100, normalization_rule_name="nmt_nfkc", byte_fallback=True)
    references(directory, processor=processor(directory))


def pieces(model: Path):
    proto = sentencepiece.sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.read_bytes())
    return proto


def unigram_json() -> None:
    """tokenizer.json with a unigram model, as T5's and XLM-R's: words apart, a charsmap applied to each grapheme."""
    rules = OUT / "rules.tsv"
    rules.write_text(small_rules())
    directory = train("unigram", model_type="unigram", vocab_size=900, normalization_rule_tsv=str(rules))
    rules.unlink()
    proto = pieces(directory / "tokenizer.model")
    (directory / "tokenizer.model").unlink()
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(sentencepiece_spaces(), "▁"),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(token) for token in ["<unk>", "<s>", "</s>"]])
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    dump(
        directory / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    )
    references(directory, transformers=True)


def sentencepiece_spaces():
    from tokenizers import Regex

    return Regex(" {2,}")


def gemma() -> None:
    """No space before a text, white space in pieces of its own: as tokenizer.json and as tokenizer.model."""
    runs = [*("▁" * n for n in range(2, 32)), *("\n" * n for n in range(1, 32)), "\t", *("\t" * n for n in range(2, 9))]
    turns = ["<start_of_turn>", "<end_of_turn>"]
    model = train(
        "sp-gemma",
        vocab_size=1600,
        add_dummy_prefix=False,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        user_defined_symbols=["<mask>", *turns, *runs],
        **LLAMA_LIKE,
    )
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = {"tokenizer_class": "GemmaTokenizer", **special, "additional_special_tokens": turns}
    proto = pieces(model / "tokenizer.model")
    ids = {piece.piece: id for id, piece in enumerate(proto.pieces)}
    added = {
        str(ids[token]): {"content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        for token in [*special.values(), *turns]
    }
    dump(model / "tokenizer_config.json", {**config, "added_tokens_decoder": added})
    references(model, processor=processor(model))

    directory = OUT / "gemma"
    shutil.rmtree(directory, ignore_errors=True)
    normal = {piece.piece: piece.score for piece in proto.pieces if piece.type in (1, 4)}
    merges = generate_merges(ids, normal, skip_tokens=set(ids) - set(normal))
    tokenizer = GemmaTokenizer(vocab=ids, merges=merges, additional_special_tokens=turns)
    tokenizer.save_pretrained(directory)
    references(directory, transformers=True)


def chatglm3() -> None:
    """A directory as THUDM publishes ChatGLM3: the special tokens are not in the model."""
    directory = train("chatglm3", vocab_size=1600, **LLAMA_LIKE)
    config = {
        "name_or_path": "THUDM/chatglm3-6b-base",
        "remove_space": False,
        "do_lower_case": False,
        "tokenizer_class": "ChatGLMTokenizer",
        "auto_map": {"AutoTokenizer": ["tokenization_chatglm.ChatGLMTokenizer", None]},
    }
    dump(directory / "tokenizer_config.json", config)
    dump(directory / "config.json", {"_name_or_path": "THUDM/chatglm3-6b", "model_type": "chatglm", "eos_token_id": 2})
    references(directory, processor=processor(directory))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "strings.json").write_text(json.dumps(STRINGS, indent=0) + "\n")
    llama()
    flags()
    unigram()
    unigram_json()
    gemma()
    chatglm3()
    for name in ["chatml", "llama2", "llama2-legacy"]:  # of make_text.py
        references(OUT / name, transformers=True)
