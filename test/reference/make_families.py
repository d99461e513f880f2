"""Tiny random checkpoints of each family, and what PyTorch, transformers and PEFT compute with them, in float32.

Writes fixtures/NAME/ for every name in FAMILIES and VARIANTS: a Hugging Face directory whose config.json is spelled as
the published ones are, adapters as PEFT saves them in prefix/ and lora/, and the numbers in expected.json and
expected.safetensors. ChatGLM, whose code is not part of transformers, has a script of its own.
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM, GemmaConfig, GemmaForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
    Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM,
)

from common import (
    TOKENS, VIRTUAL_TOKENS, VOCABULARY, check_positions, forward, greedy, make_batch, prefixed, prompt_with_margin,
    randomize, run, save, save_adapter, step, trainable, with_prefix, write,
)

SIZES = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 72,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "attn_implementation": "eager",
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

# name: (classes, settings, LoRA)
FAMILIES = {
    "llama-lora": (LlamaConfig, LlamaForCausalLM, {"num_hidden_layers": 3}, {"target_modules": ["q_proj", "v_proj"]}),
    "gemma": (
        GemmaConfig,
        GemmaForCausalLM,
        {"head_dim": 20, "num_key_value_heads": 1, "num_attention_heads": 3},
        {"target_modules": "all-linear"},
    ),
    "qwen2": (
        Qwen2Config,
        Qwen2ForCausalLM,
        {"tie_word_embeddings": False, "use_sliding_window": False, "rms_norm_eps": 1e-6},
        {"target_modules": r".*\.(0\.self_attn\.[kv]|1\.mlp\.(up|down))_proj"},
    ),
    "qwen3": (
        Qwen3Config,
        Qwen3ForCausalLM,
        {"head_dim": 20, "tie_word_embeddings": True, "rms_norm_eps": 1e-6},
        {
            "target_modules": ["q_proj", "k_proj", "o_proj", "gate_proj"],
            "use_rslora": True,
            "rank_pattern": {"layers.1.self_attn.q_proj": 6, "gate_proj": 2},
            "alpha_pattern": {r"0\..*k_proj": 3},
        },
    ),
}

# Logits and greedy tokens of the base alone.
VARIANTS = {
    "llama3-rope": (LlamaConfig, LlamaForCausalLM, {"rope_parameters": {"rope_theta": 500.0, **LLAMA3}}),
    "llama-linear-rope": (
        LlamaConfig,
        LlamaForCausalLM,
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}},
    ),
    "llama-biased": (LlamaConfig, LlamaForCausalLM, {"attention_bias": True, "mlp_bias": True}),
    "mistral": (MistralConfig, MistralForCausalLM, {"sliding_window": None, "head_dim": 16}),
    "qwen2-tied": (Qwen2Config, Qwen2ForCausalLM, {"tie_word_embeddings": True}),
}


def opened(directory: Path):
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")


def make_base(name: str, config_class, model_class, changes: dict, seed: int) -> Path:
    directory = save(randomize(model_class(config_class(**{**SIZES, **changes})), seed), name)
    spell_as_published(directory / "config.json")
    return directory


def spell_as_published(path: Path) -> None:
    """rope_theta and rope_scaling, as configs before transformers 5 have them, and the activation as Gemma's does."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope == {"rope_type": "default"} else rope
    if rope["rope_type"] == "linear":
        config["rope_scaling"] = {"type": "linear", "factor": rope["factor"]}
    if config["model_type"] == "gemma":
        config |= {"hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"}
    if config["model_type"] == "qwen2":
        config |= {"sliding_window": 4096, "max_window_layers": 1}
    config["torch_dtype"] = config.pop("dtype", "float32")
    path.write_text(json.dumps(config, indent=2) + "\n")


def with_lora(base, seed: int, **options):
    """PEFT's LoRA with B away from zero, in training mode without dropout."""
    tuned = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, **options)).train()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in trainable(tuned).values():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return tuned


def factors(tuned) -> dict[str, torch.nn.Parameter]:
    """A and B of each module by the names in PEFT's files."""
    return {name.replace(".default.", "."): p for name, p in trainable(tuned).items()}


def family(name: str, config_class, model_class, changes: dict, lora: dict, seed: int) -> None:
    directory = make_base(name, config_class, model_class, changes, seed)
    base, batch = opened(directory), make_batch(seed + 1)
    prefix, tuned = with_prefix(opened(directory), seed + 2), with_lora(opened(directory), seed + 3, **lora)
    check_positions(prefix)
    save_adapter(prefix, directory / "prefix")
    save_adapter(tuned, directory / "lora")

    prompt = prompt_with_margin(base, prefix, tuned)
    replies = {kind: greedy(model, prompt, TOKENS) for kind, model in (("base", base), ("prefix", prefix), ("lora", tuned))}
    numbers = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}, "greedy": {"prompt": prompt, **replies}}
    arrays = {
        "forward.logits": forward(base, batch),
        "prefix.logits": forward(prefix, batch),
        "lora.logits": forward(tuned, batch),
    }
    numbers["prefix"], gradients = step(prefix, trainable(prefix), batch)
    arrays |= prefixed("prefix", trainable(prefix)) | prefixed("prefix.gradient", gradients)
    numbers["lora"], gradients = step(tuned, factors(tuned), batch)
    arrays |= prefixed("lora.gradient", gradients)
    numbers["full"], gradients = step(base, dict(base.named_parameters()), batch)
    arrays |= prefixed("full.gradient", gradients)
    if name == "llama-lora":
        batches = [make_batch(20 + i) for i in range(4)]
        numbers["batches"] = batches
        numbers["lora_training"] = run(tuned, factors(tuned), batches, "linear", 4)
    write(directory, numbers, arrays)


def variant(name: str, config_class, model_class, changes: dict, seed: int) -> None:
    directory = make_base(name, config_class, model_class, changes, seed)
    base, batch = opened(directory), make_batch(seed + 1, (40, 7, 10))
    prompt = prompt_with_margin(base)
    replies = {"prompt": prompt, "base": greedy(base, prompt, TOKENS)}
    write(directory, {"forward": {"batch": batch}, "greedy": replies}, {"forward.logits": forward(base, batch)})


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    for i, (name, settings) in enumerate(FAMILIES.items()):
        family(name, *settings, seed=100 + 10 * i)
    for i, (name, settings) in enumerate(VARIANTS.items()):
        variant(name, *settings, seed=200 + 10 * i)
