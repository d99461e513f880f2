"""Tiny random Llama checkpoints, and what PyTorch, transformers and PEFT compute with them, all in float32.

Writes fixtures/NAME/: a Hugging Face directory, with the numbers beside it in expected.json and
expected.safetensors. Batches are written as rows of token ids without padding, and for each row the indices of
the tokens that are targets.
"""

import json
import math
import random
import shutil
from pathlib import Path

import torch
from peft import PrefixTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, get_scheduler

OUT = Path(__file__).parent / "fixtures"
VOCABULARY = 160
VIRTUAL_TOKENS = 8
ADAMW = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}

Batch = dict[str, list[list[int]]]


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
    """Weights large enough that attention, gates and gradients are far from uniform; norm weights differ from 1."""
    model = LlamaForCausalLM(settings).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(1 + 0.2 * noise if "norm" in name else noise / math.sqrt(settings.hidden_size))
    return model


def save(model: LlamaForCausalLM, name: str, **options) -> Path:
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory, **options)
    for file in directory.iterdir():
        file.chmod(0o644)
    return directory


def make_batch(seed: int, lengths: tuple[int, ...] = (12, 7, 10)) -> Batch:
    """Targets are the last third of each row, and one token in the middle as a reply of an earlier turn would have."""
    source = random.Random(seed)
    tokens = [[source.randrange(3, VOCABULARY) for _ in range(length)] for length in lengths]
    targets = [[n // 3, *range(n - n // 3, n)] for n in lengths]
    return {"tokens": tokens, "targets": targets}


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    """Right-padded input_ids, attention_mask and labels (-100 where there is no target)."""
    width = max(map(len, batch["tokens"]))
    pad = lambda row, value: row + [value] * (width - len(row))
    labels = [
        [token if i in targets else -100 for i, token in enumerate(row)]
        for row, targets in zip(batch["tokens"], batch["targets"])
    ]
    return {
        "input_ids": torch.tensor([pad(row, 0) for row in batch["tokens"]]),
        "attention_mask": torch.tensor([pad([1] * len(row), 0) for row in batch["tokens"]]),
        "labels": torch.tensor([pad(row, -100) for row in labels]),
    }


def with_prefix(directory: Path, seed: int, **options):
    """The checkpoint under PEFT's prefix tuning, in training mode (the model has no dropout)."""
    torch.manual_seed(seed)
    base = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    return get_peft_model(
        base, PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=VIRTUAL_TOKENS, **options)
    ).train()


def trainable(model) -> dict[str, torch.nn.Parameter]:
    """The prefix encoder's parameters by PEFT's names: embedding.weight, transform.0.weight, ..."""
    prefix = "prompt_encoder.default."
    return {name.removeprefix(prefix): p for name, p in model.named_parameters() if p.requires_grad}


def forward(model, batch: Batch) -> torch.Tensor:
    """Logits (B, T, V); those of padding are set to 0."""
    inputs = tensors(batch)
    with torch.no_grad():
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False).logits
    return logits * inputs["attention_mask"][..., None]


def step(model, parameters, batch: Batch) -> tuple[dict, dict[str, torch.Tensor]]:
    """Loss (mean over targets), and the gradient of each parameter."""
    loss = model(**tensors(batch)).loss
    names = list(parameters)
    gradients = torch.autograd.grad(loss, [parameters[name] for name in names])
    norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients])).item()
    return {"batch": batch, "loss": loss.item(), "grad_norm": norm}, dict(zip(names, gradients))


def run(
    model, parameters, batches: list[Batch], schedule: str, warmup: int, lr: float = 1e-2, max_grad_norm: float = 1.0
) -> dict:
    """The losses of 20 AdamW steps, each before its update; norms and biases are not decayed, as transformers does."""
    steps = 20
    options = {**ADAMW, "lr": lr}
    decayed = [p for p in parameters.values() if p.dim() > 1]
    others = [p for p in parameters.values() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": others, "weight_decay": 0.0}], **options)
    scheduler = get_scheduler(schedule, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    losses = []
    for i in range(steps):
        optimizer.zero_grad()
        loss = model(**tensors(batches[i % len(batches)])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), max_grad_norm)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return {
        "schedule": schedule,
        "warmup_steps": warmup,
        "learning_rate": options["lr"],
        "weight_decay": options["weight_decay"],
        "betas": options["betas"],
        "eps": options["eps"],
        "max_grad_norm": max_grad_norm,
        "losses": losses,
    }


def greedy(model, prompt: list[int], count: int) -> list[int]:
    """Each token from a whole forward pass: no cache that could be wrong."""
    tokens = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            logits = model(input_ids=torch.tensor([tokens]), attention_mask=torch.ones(1, len(tokens))).logits[0, -1]
            best, second = logits.topk(2).values
            assert best - second > 1e-2, "too close for other float32 arithmetic to agree; take another seed"
            tokens.append(int(logits.argmax()))
    return tokens[len(prompt) :]


def check_positions(model) -> None:
    """PEFT on Llama: prefix rows take positions 0..P-1, real tokens go on from P."""
    ids = torch.tensor([make_batch(1)["tokens"][0]])
    positions = VIRTUAL_TOKENS + torch.arange(ids.shape[1])[None]
    with torch.no_grad():
        rows = model.get_prompt(1)
        after = model.base_model(input_ids=ids, past_key_values=rows, position_ids=positions).logits
        assert torch.equal(model(input_ids=ids).logits, after)


def save_adapter(model, directory: Path) -> None:
    """As PEFT writes it, less its model card and the path of this checkout."""
    model.save_pretrained(directory)
    (directory / "README.md").unlink()
    path = directory / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": "llama"}, indent=2) + "\n")
    (directory / "adapter_model.safetensors").chmod(0o644)


def write(directory: Path, numbers: dict, arrays: dict[str, torch.Tensor]) -> None:
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in numbers.items())
    (directory / "expected.json").write_text("{\n" + lines + "\n}\n")
    file = directory / "expected.safetensors"
    save_file({name: a.contiguous() for name, a in arrays.items()}, file)
    file.chmod(0o644)


def prefixed(prefix: str, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies, so that later training does not change them."""
    return {f"{prefix}.{name}": value.detach().clone() for name, value in values.items()}


def untied() -> None:
    """One float32 file; everything is computed here."""
    model = checkpoint(config(), seed=1)
    directory = save(model, "llama")
    batch, batches, prompt = make_batch(10), [make_batch(20 + i) for i in range(4)], make_batch(38)["tokens"][1]
    numbers: dict = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}, "batches": batches}
    arrays = {"forward.logits": forward(model, batch)}

    tuned = with_prefix(directory, seed=2)
    check_positions(tuned)
    numbers["prefix"], gradients = step(tuned, trainable(tuned), batch)
    arrays |= prefixed("prefix", trainable(tuned)) | prefixed("prefix.gradient", gradients)
    save_adapter(tuned, directory / "prefix")
    numbers["greedy"] = {"prompt": prompt, "base": greedy(model, prompt, 24), "prefix": greedy(tuned, prompt, 24)}
    arrays["prefix.logits"] = forward(tuned, batch)
    numbers["training"] = [
        run(fresh, trainable(fresh), batches, schedule, warmup, max_grad_norm=clip)
        for schedule, warmup, clip in (("constant", 0, 1.0), ("linear", 4, 1.0), ("cosine", 4, 0.1))
        for fresh in [with_prefix(directory, seed=2)]
    ]

    projected = with_prefix(directory, seed=3, prefix_projection=True, encoder_hidden_size=48)
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
    model = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    batch = make_batch(11)
    numbers: dict = {"virtual_tokens": VIRTUAL_TOKENS, "forward": {"batch": batch}}
    arrays = {"forward.logits": forward(model, batch)}
    tuned = with_prefix(directory, seed=5)
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
    model = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
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
