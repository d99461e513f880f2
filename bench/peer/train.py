"""Does the run of a directory in PyTorch with transformers and PEFT and prints its report: train.py DIRECTORY

The same run as here.ts beside it does; run.ts says what the directory and the report hold.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import torch
from peft import PrefixTuningConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

# Faster on CPU than "eager" for every geometry measured here, and leaner; prefixes work with both.
ATTENTION = "sdpa"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_model(directory: Path):
    """The base in float32 under the prefix of the directory, which PEFT itself will not load to be trained."""
    base = AutoModelForCausalLM.from_pretrained(directory / "base", dtype=torch.float32, attn_implementation=ATTENTION)
    config = PrefixTuningConfig.from_pretrained(directory / "prefix")
    config.inference_mode = False
    model = get_peft_model(base, config)
    set_peft_model_state_dict(model, load_file(directory / "prefix" / "adapter_model.safetensors"))
    return model


def batch_of(samples: list[dict]) -> dict[str, torch.Tensor]:
    """Right-padded input_ids, attention_mask and labels (-100 where there is no target)."""
    width = max(len(s["tokens"]) for s in samples)
    shape = (len(samples), width)
    ids, mask, labels = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long), torch.full(shape, -100)
    for row, s in enumerate(samples):
        tokens, targets = torch.tensor(s["tokens"]), torch.tensor(s["targets"])
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
        labels[row, targets] = tokens[targets]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def train(model, run: dict) -> tuple[list[float], list[float]]:
    """The loss and the milliseconds of each step."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    o = run["optimizer"]
    optimizer = torch.optim.AdamW(
        parameters, lr=run["learningRate"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"], weight_decay=o["weightDecay"]
    )
    losses, milliseconds = [], []
    model.train()
    for step in run["steps"]:
        begun = time.perf_counter()
        optimizer.zero_grad()
        loss = model(**batch_of([run["samples"][i] for i in step])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, run["maxGradNorm"])
        optimizer.step()
        losses.append(loss.item())
        milliseconds.append((time.perf_counter() - begun) * 1000)
    return losses, milliseconds


@torch.no_grad()
def answer(model, run: dict, prompt: list[int]) -> list[int]:
    """Greedy, each token from a whole forward pass: no cache that could be wrong."""
    tokens = list(prompt)
    while len(tokens) < len(prompt) + run["answerTokens"]:
        ids = torch.tensor([tokens])
        best = int(model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].argmax())
        if best == run["end"]:
            break
        tokens.append(best)
    return tokens[len(prompt) :]


warnings.simplefilter("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()
start = peak_bytes()
directory = Path(sys.argv[1])
run = json.loads((directory / "run.json").read_text())
torch.set_num_threads(run["threads"])
model = open_model(directory)
losses, milliseconds = train(model, run)
peak = peak_bytes()
model.eval()
answers = [answer(model, run, prompt) for prompt in run["prompts"]]
print(json.dumps({"losses": losses, "milliseconds": milliseconds, "peak": peak, "start": start, "answers": answers}))
