"""Leads requests to things that are there, and keeps them from what takes long or reaches other machines."""

import itertools
import json
import os
import re
import zlib
from pathlib import Path
from urllib.parse import unquote

import failures  # noqa: F401: has a hook too
import requests
import schemathesis
from schemathesis.transport.requests import REQUESTS_TRANSPORT, multipart_serializer
from schemathesis.transport.serialization import Binary

things = json.loads(os.environ["PREAMBLE_FUZZ_THINGS"])
"""
`body`: by the name of a field; `path`: by what stands before a parameter, for `id` is another thing in each; `once`: by
operation, what can be had of a thing only once, and perhaps what is to be posted `first`; `files`: by path, what is right for its files; `base`: the model to tune;
`receiver`: of webhooks; `kept`: all of them, by all of their names.
"""

numbers = itertools.count()
headers = {"Authorization": f"Bearer {os.environ['PREAMBLE_FUZZ_KEY']}"}
nobody = "http://127.0.0.1:9/"


@schemathesis.hook
def before_call(context, case, kwargs):
    """
    What is wrong with a request must be all that is: were its model unknown too, the answer would say nothing of the rest.
    Schemathesis looks again afterwards whether a request is still wrong.
    """
    if case.meta is not None and case.meta.phase.data.parameter == "Authorization":
        return  # it is not there, or not right
    # All of a path or nothing: a thing has what is its own.
    led = chance(next(numbers), 0.8)
    case.path_parameters = {name: path_value(case, name, text, led) for name, text in case.path_parameters.items()}
    if isinstance(case.body, dict):
        find_things(case)
        cap(case.body)
        agree(case.body)
    find_once(case)
    if case.query:
        agree_query(case.query)
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        # One that was sent before would be answered as then.
        case.headers["Idempotency-Key"] = str(next(numbers))


def path_value(case, name, text, led):
    """What all look for is not deleted; it is what most of all others are asked for."""
    if ends(case) and name == list(case.path_parameters)[-1]:
        return f"{text}x" if unquote(text) in things["kept"] else text
    owner = case.operation.path.split("/{")[0]
    known = {**things["body"], **things["path"].get(owner, {})}
    return known.get(name, text) if led and isinstance(text, str) else text


def ends(case):
    return case.method == "DELETE" or re.search("/archive$|/v1/uploads/.*/(cancel|complete)$", case.operation.path)


def find_things(case):
    body, path = case.body, case.operation.path
    known = {**things["body"], **({"model": things["base"]} if path.startswith("/v1/fine_tuning") else {})}
    for name, thing in known.items():
        # Few jobs are accepted, for each is trained.
        is_job = name == "training_file" and is_right(case)
        if body.get(name):
            body[name] = sometimes(body[name], thing, salt=body, share=0.1 if is_job else 0.8)
    for name, place in [("url", things["receiver"]), ("endpoint", nobody)]:
        if isinstance(body.get(name), str) and re.fullmatch(r"https?://\w+(\.\w+)*(/\w*)?", body[name], re.ASCII):
            body[name] = place


@REQUESTS_TRANSPORT.serializer("multipart/form-data")
def form(ctx, value):
    """
    Bytes that are made up are no corpus and no adapter. They are replaced where they are written, for of bodies with
    bytes that are replaced earlier schemathesis believes that they are wrong.
    """
    places = things["files"].get(ctx.case.operation.path)
    if places and isinstance(value, dict):
        value = {name: file_for(places, part) for name, part in value.items()}
        if value.get("base"):
            value["base"] = sometimes(value["base"], things["base"])
    return multipart_serializer(ctx, value)


def file_for(places, part):
    if isinstance(part, list) and part and all(isinstance(one, Binary) for one in part):
        return [file_for(places, part[0])]
    made = Path(places[crc(part) % len(places)]).read_bytes()
    return sometimes(part, Binary(made)) if isinstance(part, Binary) else part


def find_once(case):
    ready = things["once"].get(case.operation.label)
    if ready and is_right(case):
        thing = ready.pop()
        if "first" in thing:
            # Others find it too, and may have done so already.
            requests.post(case.operation.base_url.rstrip("/") + thing["first"], headers=headers)
        case.path_parameters = thing["path"]
        if isinstance(case.body, dict):
            case.body = {name: thing["body"].get(name, value) for name, value in case.body.items()}


def sometimes(text, thing, salt=None, share=0.8):
    return thing if isinstance(text, str) and chance((text, salt), share) else text


def chance(value, share=0.5):
    return crc(value) < share * 2**32


def crc(value):
    """The same in every run."""
    return zlib.crc32(repr(value).encode("utf8", "replace"))


def is_right(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def cap(body):
    """Answers are short and jobs have one step. What is no number that would be taken stays as it is."""
    if "messages" in body or "prompt" in body:
        body.setdefault("max_tokens", 4)
        at_most(body, "max_tokens", 4)
        at_most(body, "max_completion_tokens", 4)
        if type(body.get("n")) is int and body["n"] <= 128:
            at_most(body, "n", 2)
    if "training_file" in body and isinstance(body.setdefault("training_args", {}), dict):
        body["training_args"].setdefault("max_steps", 1)
        at_most(body["training_args"], "max_steps", 1, -1)


def at_most(body, name, most, least=1):
    if type(body.get(name)) is int and body[name] >= least:
        body[name] = min(body[name], most)


def agree(body):
    """Takes out what contradicts itself, which the description cannot tell."""
    for one, other in [("hyperparameters", "method"), ("config", "peft"), ("source", "path")]:
        if one in body and other in body:
            del body[other if chance(body) else one]
    if "path" in body:
        body.pop("revision", None)
        body.pop("endpoint", None)
    if body.get("stream_options") is not None and type(body.get("stream", False)) in (bool, type(None)):
        body["stream"] = True
    if body.get("top_logprobs") is not None and type(body.get("logprobs", False)) in (bool, type(None)):
        body["logprobs"] = True


def agree_query(query):
    if "after" in query and chance(query["after"]):
        del query["after"]
    if query.get("format") != "chatglm" and query.get("dtype") in ("float32", "float16"):
        del query["dtype"]
