"""Tiny random Llama checkpoints, and what PyTorch, transformers and PEFT compute with them, all in float32.

Writes fixtures/NAME/: a Hugging Face directory, with the numbers beside it in expected.json and
expected.safetensors. Batches are written as rows of token ids without padding, and for each row the indices of
the tokens that are targets.
"""

import json
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from common import (
    VIRTUAL_TOKENS, VOCABULARY, check_positions, forward, greedy, make_batch, prefixed, randomize, run, save, save_adapter,
    step, trainable, with_prefix, write,
)


def config(**changes) -> LlamaConfig:
    sizes = {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "attn_implementation": "eager",
    }
    return LlamaConfig(**{**sizes, **changes})


def checkpoint(settings: LlamaConfig, seed: int) -> LlamaForCausalLM:
    return randomize(LlamaForCausalLM(settings), seed)


def opened(directory: Path) -> LlamaForCausalLM:
    return LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")


def untied() -> None:
    """One float32 file; everything is computed here."""
    model = checkpoint(config(), seed=1)
    directory = save(model, "llama")
    batch, batches, prompt = make_batch(10), [make_batch(20 + i) for i in range(4)], make_batch(38)["tokens"][1]
    numbers: dict = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}, "batches": batches}
    arrays = {"forward.logits": forward(model, batch)}

    tuned = with_prefix(opened(directory), seed=2)
    check_positions(tuned)
    numbers["prefix"], gradients = step(tuned, trainable(tuned), batch)
    arrays |= prefixed("prefix", trainable(tuned)) | prefixed("prefix.gradient", gradients)
    save_adapter(tuned, directory / "prefix")
    numbers["greedy"] = {"prompt": prompt, "base": greedy(model, prompt, 24), "prefix": greedy(tuned, prompt, 24)}
    arrays["prefix.logits"] = forward(tuned, batch)
    numbers["training"] = [
        run(fresh, trainable(fresh), batches, schedule, warmup, max_grad_norm=clip)
        for schedule, warmup, clip in (("constant", 0, 1.0), ("linear", 4, 1.0), ("cosine", 4, 0.1))
        for fresh in [with_prefix(opened(directory), seed=2)]
    ]

    projected = with_prefix(opened(directory), seed=3, prefix_projection=True, encoder_hidden_size=48)
    numbers["projected"], gradients = step(projected, trainable(projected), batch)
    arrays |= prefixed("projected", trainable(projected)) | prefixed("projected.gradient", gradients)
    arrays["projected.rows"] = projected.get_prompt_embedding_to_save("default").detach()
    numbers["projected_training"] = run(projected, trainable(projected), batches, "linear", 4)

    numbers["full"], gradients = step(model, dict(model.named_parameters()), batch)
    numbers["full"]["norms"] = {name: g.norm().item() for name, g in gradients.items()}
    few = ["embed_tokens", "layers.0.self_attn.q_proj", "layers.0.mlp.down_proj", "layers.1.self_attn.k_proj"]
    few += ["layernorm", "model.norm", "lm_head"]
    arrays |= prefixed("full.gradient", {n: g for n, g in gradients.items() if any(part in n for part in few)})
    numbers["full_training"] = run(model, dict(model.named_parameters()), batches, "constant", 0, lr=1e-3)
    write(directory, numbers, arrays)


def tied() -> None:
    """Two bfloat16 shards with an index; the numbers are float32 arithmetic on the rounded weights."""
    directory = save(checkpoint(config(tie_word_embeddings=True), seed=4).bfloat16(), "llama-tied", max_shard_size="120KB")
    model = opened(directory)
    batch = make_batch(11)
    numbers: dict = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}}
    arrays = {"forward.logits": forward(model, batch)}
    tuned = with_prefix(opened(directory), seed=5)
    numbers["prefix"], gradients = step(tuned, trainable(tuned), batch)
    arrays |= prefixed("prefix", trainable(tuned)) | prefixed("prefix.gradient", gradients)
    numbers["full"], gradients = step(model, dict(model.named_parameters()), batch)
    numbers["full"]["norms"] = {name: g.norm().item() for name, g in gradients.items()}
    arrays |= prefixed("full.gradient", {n: g for n, g in gradients.items() if "embed_tokens" in n})
    write(directory, numbers, arrays)


def wide_heads() -> None:
    """head_dim is not hidden_size / heads, float16, and config.json has rope_theta as files before transformers 5 do."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    settings = config(**sizes, head_dim=24, intermediate_size=40, rope_parameters={"rope_type": "default", "rope_theta": 500_000.0})
    directory = save(checkpoint(settings, seed=6).half(), "llama-wide-heads")
    model = opened(directory)
    path = directory / "config.json"
    old = json.loads(path.read_text())
    old["rope_theta"] = old.pop("rope_parameters")["rope_theta"]
    path.write_text(json.dumps(old, indent=2) + "\n")
    batch = make_batch(12)
    write(directory, {"forward": {"batch": batch}}, {"forward.logits": forward(model, batch)})


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    untied()
    tied()
    wide_heads()
