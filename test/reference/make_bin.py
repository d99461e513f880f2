"""PyTorch's zip files as torch.save writes them, ChatGLM's prefix files, and files that must be refused.

Writes fixtures/bin/*.bin with what they hold in fixtures/bin/NAME.safetensors, fixtures/bin/chatglm*/ and
fixtures/bin/hostile/NAME.bin.
"""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).parent / "fixtures" / "bin"
HOSTILE = OUT / "hostile"
torch.manual_seed(0)


def save(name, state):
    """A file of torch's, and its tensors as safetensors."""
    torch.save(state, OUT / f"{name}.bin")
    save_file({k: v.detach().clone() for k, v in state.items()}, OUT / f"{name}.safetensors")


def well_formed():
    floats = torch.randn(3, 5)
    save(
        "types",
        {
            "f32": floats,
            "f16": floats.half(),
            "bf16": floats.bfloat16(),
            "f64": floats.double(),
            "i64": torch.arange(-3, 3),
            "i32": torch.arange(4, dtype=torch.int32),
            "u8": torch.arange(5, dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
            "scalar": torch.tensor(7.0),
            "empty": torch.zeros(0, 4),
            "一": torch.ones(1),
        },
    )
    whole = torch.arange(24.0).view(6, 4)
    save("shared", {"whole": whole, "tied": whole, "rows": whole[2:5], "one": whole[1, 2], "flat": whole.view(-1)[5:9]})
    # A module's state: an ordered dict with `_metadata`, and a parameter.
    module = torch.nn.Linear(3, 2)
    save("module", module.state_dict(keep_vars=True))
    # Two entries of the pickle's stack each: several batches of the pickle, and long memo indices.
    save("many", {f"layer.{i}": torch.full((1,), float(i)) for i in range(600)})


def chatglm(name, state, projection):
    """What ChatGLM2's and ChatGLM3's P-Tuning scripts leave: the prefix encoder's weights, and the model's config."""
    directory = OUT / name
    directory.mkdir(parents=True, exist_ok=True)
    torch.save({f"transformer.prefix_encoder.{k}": v for k, v in state.items()}, directory / "pytorch_model.bin")
    config = {
        "model_type": "chatglm",
        "num_layers": LAYERS,
        "hidden_size": HIDDEN,
        "num_attention_heads": 4,
        "kv_channels": CHANNELS,
        "multi_query_attention": True,
        "multi_query_group_num": GROUPS,
        "pre_seq_len": TOKENS,
        "prefix_projection": projection,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


TOKENS, LAYERS, HIDDEN, CHANNELS, GROUPS = 5, 3, 24, 8, 2
ROW = LAYERS * 2 * GROUPS * CHANNELS


class PrefixEncoder(torch.nn.Module):
    """As ChatGLM's own `PrefixEncoder` with `prefix_projection`: embedding, and trans.0, tanh, trans.2."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(TOKENS, ROW)
        self.trans = torch.nn.Sequential(
            torch.nn.Linear(ROW, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, ROW)
        )

    def forward(self):
        return self.trans(self.embedding(torch.arange(TOKENS)))


def prefixes():
    rows = torch.randn(TOKENS, ROW)
    chatglm("chatglm", {"embedding.weight": rows}, False)
    chatglm("chatglm-half", {"embedding.weight": rows.half()}, False)
    encoder = PrefixEncoder()
    chatglm("chatglm-projected", encoder.state_dict(), True)
    save_file({"rows": encoder().detach()}, OUT / "chatglm-projected" / "rows.safetensors")


class Call:
    """Pickles as a call of `function` with `args`, which Python makes when it reads the pickle."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


class State:
    """Pickles as an object with a state to be set."""

    def __init__(self):
        self.x = 1


def archive(name, pickled, records=(), compression=zipfile.ZIP_STORED, order=b"little", root="archive"):
    """A zip as torch writes it, around a pickle of someone else's."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for path, data in [("data.pkl", pickled), ("byteorder", order), ("version", b"3\n"), *records]:
            place = path if path.startswith("../") else f"{root}/{path}"
            file.writestr(zipfile.ZipInfo(place), data, compression)
    (HOSTILE / f"{name}.bin").write_bytes(buffer.getvalue())


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(offset=0, size=(2, 2), stride=(2, 1), count=4, key="0", kind=b"ctorch\nFloatStorage\n"):
    """The opcodes of one tensor, written out."""
    storage = b"(" + text("storage") + kind + text(key) + text("cpu") + number(count) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = storage + number(offset) + numbers(size) + numbers(stride) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def table(value, name="x"):
    return b"\x80\x02}" + text(name) + value + b"s."


DATA = [("data/0", bytes(16))]


def hostile():
    HOSTILE.mkdir(parents=True, exist_ok=True)
    marker = "touch /tmp/preamble-hostile-pickle"
    dump = lambda value: pickle.dumps(value, protocol=2)
    archive("os-system", dump({"x": Call(os.system, marker)}))
    archive("eval", dump({"x": Call(eval, f"__import__('os').system('{marker}')")}))
    archive("getattr", dump({"x": Call(getattr, "a", "upper")}))
    archive("load-from-bytes", table(b"ctorch.storage\n_load_from_bytes\n(" + text("x") + b"tR"))
    archive("object-state", dump(State()))
    archive("call-a-dict", table(b"})R"))
    archive("call-a-storage-type", table(b"ctorch\nFloatStorage\n)R"))
    archive("filled-ordered-dict", table(b"ccollections\nOrderedDict\n(" + b"]tR"))
    archive("attributes", b"\x80\x02}}" + text("__class__") + text("x") + b"sb.")
    archive("inst", b"\x80\x02(" + text(marker) + b"ios\nsystem\n.")
    archive("obj", b"\x80\x02(cos\nsystem\n" + text(marker) + b"o.")
    archive("newobj", b"\x80\x02ccollections\nOrderedDict\n)\x81.")
    archive("ext1", b"\x80\x02\x82\x01.")
    archive("protocol-4", pickle.dumps({"x": 1}, protocol=4))
    archive("unknown-opcode", b"\x80\x02\xff.")
    archive("memo-never-set", b"\x80\x02h\x05.")
    archive("memo-of-itself", b"\x80\x02]q\x00h\x00a.")
    archive("deep-marks", b"\x80\x02" + b"(" * 20_000 + b".")
    archive("deep-lists", b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b".")
    archive("deep-tuples", b"\x80\x02)" + b"\x85" * 100_000 + b".")
    archive("empty-stack", b"\x80\x020.")
    archive("pop-nothing", b"\x80\x02\x85.")
    archive("no-mark", b"\x80\x02t.")
    archive("no-stop", b"\x80\x02}")
    archive("cut-text", b"\x80\x02X\xff\xff\xff\x7fabc.")
    archive("bad-utf8", b"\x80\x02X\x02\x00\x00\x00\xff\xfe.")
    archive("giant-number", b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".")
    archive("left-over", b"\x80\x02}}.")
    archive("after-the-end", b"\x80\x02}.cos\nsystem\n")
    archive("twice", b"\x80\x02}" + text("x") + b"N" + b"s" + text("x") + b"Ns.")
    archive("key-is-a-list", b"\x80\x02}]Ns.")
    archive("odd-pairs", b"\x80\x02}(Nu.")
    archive("no-table", dump([1, 2]))
    archive("no-tensor", dump({"x": {"y": 1}}))
    archive("number-for-a-name", b"\x80\x02}K\x01" + tensor() + b"s.", DATA)

    archive("missing-storage", table(tensor()))
    archive("short-storage", table(tensor()), [("data/0", bytes(12))])
    archive("transposed", table(tensor(stride=(1, 2))), DATA)
    archive("overlapping-rows", table(tensor(stride=(1, 1))), DATA)
    archive("expanded", table(tensor(size=(1000, 2), stride=(0, 1))), DATA)
    archive("beyond-the-storage", table(tensor(offset=1)), DATA)
    archive("negative-offset", table(tensor(offset=-1)), DATA)
    archive("negative-size", table(tensor(size=(-2, 2))), DATA)
    archive("giant-size", table(tensor(size=(2**52, 2**52), stride=(2**52, 1))), DATA)
    archive("other-rank", table(tensor(stride=(1,))), DATA)
    archive("storage-elsewhere", table(tensor(key="../data.pkl")), DATA)
    archive("unknown-storage", table(tensor(kind=b"ctorch\nQInt8Storage\n")), DATA)
    archive("no-storage", table(b"(" + text("module") + b"tQ"), DATA)

    archive("big-endian", table(tensor()), DATA, order=b"big")
    archive("compressed", table(tensor()), DATA, compression=zipfile.ZIP_DEFLATED)
    archive("two-roots", table(tensor()), [("../other/x", b"")])
    archive("no-pickle", b"", root="a/b")
    archive("two-pickles", table(tensor()), [*DATA, ("data.pkl", b"\x80\x02}.")])

    good = io.BytesIO()
    torch.save({"x": torch.ones(2, 2)}, good)
    whole = good.getvalue()
    end = whole.rindex(b"PK\x05\x06")
    wide = whole.rindex(b"PK\x06\x06")  # torch writes both kinds of end records
    start = struct.unpack_from("<I", whole, end + 16)[0]
    write = lambda name, data: (HOSTILE / f"{name}.bin").write_bytes(data)
    patch = lambda at, form, value: whole[:at] + struct.pack(form, value) + whole[at + struct.calcsize(form) :]
    write("cut", whole[:-30])
    write("not-a-zip", b"hello" * 20)
    write("empty", b"")
    write("two-ends", patch(end + 16, "<I", start - 1))
    narrow = whole[:wide] + whole[end:]
    put = lambda at, value: narrow[: wide + at] + struct.pack("<I", value) + narrow[wide + at + 4 :]
    write("directory-beyond-the-file", put(16, 2**31))
    write("giant-directory", put(12, 2**31))
    write("directory-of-noise", put(16, start - 8))
    write("wide-end-of-noise", patch(end - 12, "<Q", 2))
    write("wide-end-beyond-the-file", patch(end - 12, "<Q", 2**60))
    write("giant-wide-offset", patch(wide + 48, "<Q", 2**63))
    write("encrypted", patch(start + 8, "<H", 1))
    write("header-elsewhere", patch(start + 42, "<I", 5))
    length = struct.unpack_from("<I", whole, start + 20)[0]
    write("length-beyond-the-file", patch(start + 20, "<Q", 2**30 | 2**30 << 32))  # both lengths at once
    write("overlapping-entries", patch(start + 20, "<Q", (length + 200) | (length + 200) << 32))
    # What files of PyTorch before 1.6 begin with: its magic number, pickled.
    write("legacy", pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))


OUT.mkdir(parents=True, exist_ok=True)
well_formed()
prefixes()
hostile()
