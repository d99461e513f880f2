"""What the scripts of this directory share: random weights, batches, steps and runs of PyTorch, and how they are written."""

import json
import math
import random
import shutil
from pathlib import Path

import torch
from peft import PrefixTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import get_scheduler

OUT = Path(__file__).parent / "fixtures"
VOCABULARY = 160
VIRTUAL_TOKENS = 8
TOKENS = 32  # of each greedy reply
ADAMW = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}

Batch = dict[str, list[list[int]]]


def randomize(model, seed: int):
    """Weights large enough that attention, gates and gradients are far from uniform; norm weights differ from 1."""
    model = model.float().eval()
    generator = torch.Generator().manual_seed(seed)
    scale = math.sqrt(model.config.hidden_size)
    gemma = model.config.model_type == "gemma"
    norm_mean = 0 if gemma else 1  # Gemma's norms scale by 1 + w
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(norm_mean + 0.2 * noise if "norm" in name else noise / scale)
            if gemma and "embed" in name:
                weight /= 4  # tied and scaled up, it would drown the layers: every token would repeat itself
    return model


def save(model, name: str, **options) -> Path:
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


def with_prefix(base, seed: int, **options):
    """A model under PEFT's prefix tuning, in training mode (the model has no dropout)."""
    torch.manual_seed(seed)
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


def prompt_with_margin(*models) -> list[int]:
    """A prompt whose greedy replies do not depend on the last bits of the arithmetic, vary, and differ by model."""
    for seed in range(30, 1000):
        prompt = make_batch(seed)["tokens"][1]
        try:
            replies = [tuple(greedy(model, prompt, TOKENS)) for model in models]
        except AssertionError:
            continue
        if len(set(replies)) == len(models) and min(len(set(reply)) for reply in replies) > 3:
            return prompt
    raise AssertionError("no prompt has a clear reply")


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
    config = {**json.loads(path.read_text()), "base_model_name_or_path": directory.parent.name}
    if isinstance(config.get("target_modules"), list):
        config["target_modules"].sort()  # PEFT writes a set
    path.write_text(json.dumps(config, indent=2) + "\n")
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
