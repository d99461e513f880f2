"""Opens what `node train_adapters.ts` trained with this project's engine, adapters in PEFT and all weights in
transformers, and writes their logits beside them. Nothing is converted: the directories are read as they are.

Neither opens ChatGLM's modules without ChatGLM's own code, so of that family only the prefix is here; the factors of a
fused projection and the gradients of all its weights are compared through make_chatglm.py.
"""

import json

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from common import OUT, forward
from make_chatglm import FromZero, make_glm
from make_families import opened

TRAINED = OUT / "trained"


def chatglm_base():
    shards = [load_file(file) for file in sorted((OUT / "chatglm").glob("model-*.safetensors"))]
    return make_glm({name: w.float() for shard in shards for name, w in shard.items()}, 1)


for directory in sorted(TRAINED.iterdir()):
    batch = json.loads((OUT / directory.name / "expected.json").read_text())["forward"]["batch"]
    logits = {}
    if directory.name != "chatglm":
        logits["full"] = forward(opened(directory / "full"), batch)
        assert (logits["full"] - forward(opened(OUT / directory.name), batch)).abs().max() > 0.1, "nothing was trained"
    for kind in ("prefix", "lora"):
        if directory.name == "chatglm" and kind == "lora":
            continue
        base = chatglm_base() if directory.name == "chatglm" else opened(OUT / directory.name)
        model = PeftModel.from_pretrained(base, directory / kind).eval()
        with model.disable_adapter():
            bare = forward(model, batch)
        if directory.name == "chatglm":
            model = FromZero(model)
        logits[kind] = forward(model, batch)
        assert (logits[kind] - bare).abs().max() > 0.1, "the adapter changes nothing"
    save_file(logits, directory / "peft.safetensors")
    (directory / "peft.safetensors").chmod(0o644)
    print(directory.name, *logits)
