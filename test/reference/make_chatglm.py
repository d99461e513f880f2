"""Tiny random ChatGLM checkpoints under ChatGLM3's own names, and what transformers and PEFT compute with them.

ChatGLM's code is not part of transformers, but its network is: GLM-4's `GlmForCausalLM`, under other names. Weights are
mapped into it, and `published` below, ChatGLM's arithmetic written down again, shows that the mapping is right. PEFT
starts real tokens behind the prefix; ChatGLM starts them at position 0, so passes with a prefix are spelled out here.
A LoRA of the fused query_key_value is one A and one B: in Glm it is three of q, k and v with the same A.
"""

import json
import math
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import GlmConfig, GlmForCausalLM

from common import (
    OUT, TOKENS, VIRTUAL_TOKENS, VOCABULARY, forward, greedy, make_batch, prefixed, prompt_with_margin, save_adapter, step,
    trainable, with_prefix, write,
)

LAYERS, HIDDEN, HEADS, GROUPS, WIDTH, FFN = 2, 48, 4, 2, 16, 40
Q, KV = HEADS * WIDTH, GROUPS * WIDTH
EPS = 1e-5


def config(rope_ratio: float) -> dict:
    """The keys of chatglm3-6b's config.json; rope_ratio is only in those for long contexts."""
    keys = {
        "architectures": ["ChatGLMModel"],
        "model_type": "chatglm",
        "add_bias_linear": False,
        "add_qkv_bias": True,
        "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False,
        "attention_dropout": 0.0,
        "attention_softmax_in_fp32": True,
        "bias_dropout_fusion": True,
        "ffn_hidden_size": FFN,
        "fp32_residual_connection": False,
        "hidden_dropout": 0.0,
        "hidden_size": HIDDEN,
        "kv_channels": WIDTH,
        "layernorm_epsilon": EPS,
        "multi_query_attention": True,
        "multi_query_group_num": GROUPS,
        "num_attention_heads": HEADS,
        "num_layers": LAYERS,
        "original_rope": True,
        "padded_vocab_size": VOCABULARY,
        "post_layer_norm": True,
        "rmsnorm": True,
        "seq_length": 256,
        "use_cache": True,
        "torch_dtype": "float16",
        "tie_word_embeddings": False,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    return keys | ({} if rope_ratio == 1 else {"rope_ratio": rope_ratio})


def layer(index: int) -> str:
    return f"transformer.encoder.layers.{index}"


def make_weights(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    noise = lambda *shape: torch.randn(shape, generator=generator)
    matrix = lambda out, width: noise(out, width) / math.sqrt(HIDDEN)
    norm = lambda: 1 + 0.2 * noise(HIDDEN)
    weights = {"transformer.embedding.word_embeddings.weight": matrix(VOCABULARY, HIDDEN)}
    for i in range(LAYERS):
        weights |= {
            f"{layer(i)}.input_layernorm.weight": norm(),
            f"{layer(i)}.self_attention.query_key_value.weight": matrix(Q + 2 * KV, HIDDEN),
            f"{layer(i)}.self_attention.query_key_value.bias": noise(Q + 2 * KV) * 0.3,
            f"{layer(i)}.self_attention.dense.weight": matrix(HIDDEN, Q),
            f"{layer(i)}.post_attention_layernorm.weight": norm(),
            f"{layer(i)}.mlp.dense_h_to_4h.weight": matrix(2 * FFN, HIDDEN),
            f"{layer(i)}.mlp.dense_4h_to_h.weight": matrix(HIDDEN, FFN),
        }
    weights["transformer.encoder.final_layernorm.weight"] = norm()
    weights["transformer.output_layer.weight"] = matrix(VOCABULARY, HIDDEN)
    return weights


def to_glm(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names = {
        "model.embed_tokens.weight": "transformer.embedding.word_embeddings.weight",
        "model.norm.weight": "transformer.encoder.final_layernorm.weight",
        "lm_head.weight": "transformer.output_layer.weight",
    }
    mapped = {glm: weights[own] for glm, own in names.items()}
    for i in range(LAYERS):
        glm = f"model.layers.{i}"
        for kind in ("weight", "bias"):
            parts = weights[f"{layer(i)}.self_attention.query_key_value.{kind}"].split([Q, KV, KV])
            mapped |= {f"{glm}.self_attn.{n}_proj.{kind}": part for n, part in zip("qkv", parts)}
        mapped[f"{glm}.self_attn.o_proj.weight"] = weights[f"{layer(i)}.self_attention.dense.weight"]
        mapped[f"{glm}.mlp.gate_up_proj.weight"] = weights[f"{layer(i)}.mlp.dense_h_to_4h.weight"]
        mapped[f"{glm}.mlp.down_proj.weight"] = weights[f"{layer(i)}.mlp.dense_4h_to_h.weight"]
        for norm in ("input_layernorm", "post_attention_layernorm"):
            mapped[f"{glm}.{norm}.weight"] = weights[f"{layer(i)}.{norm}.weight"]
    return mapped


def from_glm(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Gradients by Glm's names, by ChatGLM's: the reverse of to_glm."""
    own = {
        "transformer.embedding.word_embeddings.weight": values["model.embed_tokens.weight"],
        "transformer.encoder.final_layernorm.weight": values["model.norm.weight"],
        "transformer.output_layer.weight": values["lm_head.weight"],
    }
    for i in range(LAYERS):
        glm = f"model.layers.{i}"
        for kind in ("weight", "bias"):
            parts = [values[f"{glm}.self_attn.{n}_proj.{kind}"] for n in "qkv"]
            own[f"{layer(i)}.self_attention.query_key_value.{kind}"] = torch.cat(parts)
        own[f"{layer(i)}.self_attention.dense.weight"] = values[f"{glm}.self_attn.o_proj.weight"]
        own[f"{layer(i)}.mlp.dense_h_to_4h.weight"] = values[f"{glm}.mlp.gate_up_proj.weight"]
        own[f"{layer(i)}.mlp.dense_4h_to_h.weight"] = values[f"{glm}.mlp.down_proj.weight"]
        for norm in ("input_layernorm", "post_attention_layernorm"):
            own[f"{layer(i)}.{norm}.weight"] = values[f"{glm}.{norm}.weight"]
    return own


def make_glm(weights: dict[str, torch.Tensor], rope_ratio: float) -> GlmForCausalLM:
    settings = GlmConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=FFN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=GROUPS,
        head_dim=WIDTH,
        attention_bias=True,
        rms_norm_eps=EPS,
        max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0 * rope_ratio, "partial_rotary_factor": 0.5},
        tie_word_embeddings=False,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="eager",
    )
    model = GlmForCausalLM(settings).float().eval()
    model.load_state_dict(to_glm(weights))
    return model


def published(weights: dict[str, torch.Tensor], tokens: list[int], rope_ratio: float) -> torch.Tensor:
    """Logits (T, V) of one sequence by ChatGLM's own arithmetic, step by step."""
    T = len(tokens)
    rms = lambda x, w: w * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS)
    half = WIDTH // 2
    theta = 1 / (10000 * rope_ratio) ** (torch.arange(0, half, 2).float() / half)
    angle = torch.outer(torch.arange(T).float(), theta)[:, None]  # (T, 1, half/2)

    def rotate(x: torch.Tensor) -> torch.Tensor:  # (T, heads, WIDTH): pairs of neighbours in the first half
        a, b = x[..., 0:half:2], x[..., 1:half:2]
        turned = torch.stack([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)
        return torch.cat([turned.flatten(-2), x[..., half:]], -1)

    x = weights["transformer.embedding.word_embeddings.weight"][tokens]
    future = torch.ones(T, T).triu(1).bool()
    for i in range(LAYERS):
        of = lambda name: weights[f"{layer(i)}.{name}"]
        fused = F.linear(
            rms(x, of("input_layernorm.weight")),
            of("self_attention.query_key_value.weight"),
            of("self_attention.query_key_value.bias"),
        )
        q, k, v = (part.view(T, -1, WIDTH) for part in fused.split([Q, KV, KV], -1))
        k, v = (part.repeat_interleave(HEADS // GROUPS, 1) for part in (rotate(k), v))
        scores = torch.einsum("thd,shd->hts", rotate(q), k) / math.sqrt(WIDTH)
        mixed = torch.einsum("hts,shd->thd", scores.masked_fill(future, -math.inf).softmax(-1), v)
        x = x + F.linear(mixed.reshape(T, Q), of("self_attention.dense.weight"))
        gate, up = F.linear(rms(x, of("post_attention_layernorm.weight")), of("mlp.dense_h_to_4h.weight")).chunk(2, -1)
        x = x + F.linear(F.silu(gate) * up, of("mlp.dense_4h_to_h.weight"))
    return F.linear(rms(x, weights["transformer.encoder.final_layernorm.weight"]), weights["transformer.output_layer.weight"])


class FromZero(torch.nn.Module):
    """A model with PEFT's prefix whose real tokens start at position 0, as ChatGLM's do; called as the others are."""

    def __init__(self, tuned):
        super().__init__()
        self.tuned = tuned
        self.rows = tuned.active_peft_config.num_virtual_tokens

    def forward(self, input_ids, attention_mask, labels=None, **_):
        batch, time = input_ids.shape
        prefix = torch.ones(batch, self.rows, dtype=attention_mask.dtype)
        return self.tuned.base_model(
            input_ids=input_ids,
            attention_mask=torch.cat([prefix, attention_mask], 1),
            position_ids=torch.arange(time).expand(batch, time),
            past_key_values=self.tuned.get_prompt(batch),
            labels=labels,
        )


def with_lora(glm: GlmForCausalLM, seed: int):
    """One A and one B of each fused projection, tied over PEFT's LoRAs of q, k and v."""
    tuned = get_peft_model(
        glm, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["q_proj", "k_proj", "v_proj"])
    ).train()
    generator = torch.Generator().manual_seed(seed)
    fused = {}
    for i in range(LAYERS):
        a = 0.2 * torch.randn(4, HIDDEN, generator=generator)
        b = 0.2 * torch.randn(Q + 2 * KV, 4, generator=generator)
        attention = tuned.base_model.model.model.layers[i].self_attn
        with torch.no_grad():
            for name, part in zip("qkv", b.split([Q, KV, KV])):
                projection = getattr(attention, f"{name}_proj")
                projection.lora_A.default.weight.copy_(a)
                projection.lora_B.default.weight.copy_(part)
        module = f"base_model.model.{layer(i)}.self_attention.query_key_value"
        fused |= {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}
    return tuned, fused


def fuse(gradients: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The gradient in a shared A is the sum over its uses; that in B lies in parts."""
    fused = {}
    for i in range(LAYERS):
        of = lambda n, f: gradients[f"base_model.model.model.layers.{i}.self_attn.{n}_proj.lora_{f}.default.weight"]
        module = f"base_model.model.{layer(i)}.self_attention.query_key_value"
        fused[f"{module}.lora_A.weight"] = sum(of(n, "A") for n in "qkv")
        fused[f"{module}.lora_B.weight"] = torch.cat([of(n, "B") for n in "qkv"])
    return fused


def save_lora(factors: dict[str, torch.Tensor], directory: Path, name: str) -> None:
    """As PEFT writes it over ChatGLM's own code, whose modules have these names."""
    directory.mkdir()
    settings = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["query_key_value"]).to_dict()
    keys = {**settings, "base_model_name_or_path": name, "inference_mode": True, "target_modules": ["query_key_value"]}
    (directory / "adapter_config.json").write_text(json.dumps(keys, indent=2, default=str) + "\n")
    save_file(factors, directory / "adapter_model.safetensors", metadata={"format": "pt"})
    (directory / "adapter_model.safetensors").chmod(0o644)


def save_base(name: str, weights: dict[str, torch.Tensor], rope_ratio: float, shards: int) -> tuple[Path, dict]:
    """float16 as published, in shards with an index; returns the weights as they were rounded."""
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config(rope_ratio), indent=2) + "\n")
    half = {n: w.half() for n, w in weights.items()}
    half["transformer.rotary_pos_emb.inv_freq"] = torch.zeros(WIDTH // 4).half()  # in the files, and to be ignored
    names = list(half)
    size = -(-len(names) // shards)
    index = {}
    for s in range(shards):
        file = f"model-{s + 1:05}-of-{shards:05}.safetensors"
        part = {n: half[n].contiguous() for n in names[s * size : (s + 1) * size]}
        index |= dict.fromkeys(part, file)
        save_file(part, directory / file, metadata={"format": "pt"})
        (directory / file).chmod(0o644)
    (directory / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}, indent=2) + "\n")
    return directory, {n: w.half().float() for n, w in weights.items()}


def check_mapping(glm, weights: dict[str, torch.Tensor], rope_ratio: float) -> None:
    tokens = make_batch(1)["tokens"][0]
    with torch.no_grad():
        got, wanted = glm(input_ids=torch.tensor([tokens])).logits[0], published(weights, tokens, rope_ratio)
    assert torch.allclose(got, wanted, atol=1e-5), (got - wanted).abs().max()


def chatglm() -> None:
    directory, weights = save_base("chatglm", make_weights(300), rope_ratio=1, shards=2)
    make = lambda: make_glm(weights, 1)
    base, batch = make(), make_batch(301)
    check_mapping(base, weights, 1)
    peft = with_prefix(make(), 302)
    prefix = FromZero(peft)
    tuned, factors = with_lora(make(), 303)
    save_adapter(peft, directory / "prefix")
    path = directory / "prefix" / "adapter_config.json"
    # What PEFT does not write down: where these rows' real tokens start.
    path.write_text(json.dumps({**json.loads(path.read_text()), "preamble_position_rule": "from_zero"}, indent=2) + "\n")
    save_lora(factors, directory / "lora", "chatglm")

    prompt = prompt_with_margin(base, prefix, tuned)
    replies = {kind: greedy(model, prompt, TOKENS) for kind, model in (("base", base), ("prefix", prefix), ("lora", tuned))}
    numbers = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}, "greedy": {"prompt": prompt, **replies}}
    arrays = {
        "forward.logits": forward(base, batch),
        "prefix.logits": forward(prefix, batch),
        "lora.logits": forward(tuned, batch),
    }
    numbers["prefix"], gradients = step(prefix, trainable(peft), batch)
    arrays |= prefixed("prefix", trainable(peft)) | prefixed("prefix.gradient", gradients)
    parameters = {n: p for n, p in tuned.named_parameters() if p.requires_grad}
    numbers["lora"], gradients = step(tuned, parameters, batch)
    arrays |= prefixed("lora.gradient", fuse(gradients))
    numbers["full"], gradients = step(base, dict(base.named_parameters()), batch)
    arrays |= prefixed("full.gradient", from_glm(gradients))
    write(directory, numbers, arrays)


def long_context() -> None:
    directory, weights = save_base("chatglm-long", make_weights(310), rope_ratio=50, shards=1)
    base, batch = make_glm(weights, 50), make_batch(311, (40, 7, 10))
    check_mapping(base, weights, 50)
    prompt = prompt_with_margin(base)
    replies = {"prompt": prompt, "base": greedy(base, prompt, TOKENS)}
    write(directory, {"forward": {"batch": batch}, "greedy": replies}, {"forward.logits": forward(base, batch)})


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    chatglm()
    long_context()
