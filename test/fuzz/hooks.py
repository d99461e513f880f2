"""Leads requests to things that are there, and keeps them from what takes long or reaches other machines."""

import json
import os
import zlib

import schemathesis

things = json.loads(os.environ["PREAMBLE_FUZZ_THINGS"])
"""
`body`: by the name of a field; `path`: by what stands before a parameter, for `id` is another thing in each; `base`: the
model to tune; `kept`: all of them, by all of their names.
"""


@schemathesis.hook
def before_call(context, case, kwargs):
    case.path_parameters = {name: path_value(case, name, text) for name, text in case.path_parameters.items()}
    if isinstance(case.body, dict):
        cap(case.body)
    if case.meta is None or case.meta.generation.mode.is_positive:
        find_something(case)


def path_value(case, name, text):
    """What all look for is not deleted; it is what most of all others are asked for."""
    if ends(case) and name == list(case.path_parameters)[-1]:
        return f"{text}x" if text in things["kept"] else text
    owner = case.operation.path.split("/{")[0]
    known = {**things["body"], **things["path"].get(owner, {})}
    is_wrong = case.meta is not None and case.meta.generation.mode.is_negative
    return text if is_wrong else sometimes(text, known.get(name, text))


def ends(case):
    return case.method == "DELETE" or case.operation.path.endswith("/archive")


def sometimes(text, thing, salt=None):
    return thing if isinstance(text, str) and chance((text, salt), 0.8) else text


def chance(value, share=0.5):
    """The same in every run."""
    return zlib.crc32(repr(value).encode("utf8", "replace")) < share * 2**32


def cap(body):
    """Answers are short, jobs have one step, pulls find nobody. What is no number that would be taken stays as it is."""
    if "messages" in body or "prompt" in body:
        body.setdefault("max_tokens", 4)
        at_most(body, "max_tokens", 4)
        at_most(body, "max_completion_tokens", 4)
        if type(body.get("n")) is int and body["n"] <= 128:
            at_most(body, "n", 2)
    if "training_file" in body and isinstance(body.setdefault("training_args", {}), dict):
        body["training_args"].setdefault("max_steps", 1)
        at_most(body["training_args"], "max_steps", 1, -1)
    if "endpoint" in body and isinstance(body["endpoint"], str) and body["endpoint"].startswith("http"):
        body["endpoint"] = "http://127.0.0.1:9"


def at_most(body, name, most, least=1):
    if type(body.get(name)) is int and body[name] >= least:
        body[name] = min(body[name], most)


def find_something(case):
    """A request that the description allows, without what it cannot tell to be wrong: unknown ids, contradictions."""
    body = case.body
    if isinstance(body, dict):
        if case.operation.path.startswith("/v1/fine_tuning") and "model" in body:
            body["model"] = sometimes(body["model"], things["base"], salt=body)
        for name, thing in things["body"].items():
            if name in body and body[name] != things["base"]:
                body[name] = sometimes(body[name], thing, salt=body)
        for one, other in [("hyperparameters", "method"), ("config", "peft"), ("source", "path")]:
            if one in body and other in body:
                del body[other if chance(repr(body)) else one]
        if body.get("stream_options") is not None:
            body["stream"] = True
        if body.get("top_logprobs") is not None:
            body["logprobs"] = True
    if case.query and "after" in case.query and chance(case.query["after"]):
        del case.query["after"]
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"{zlib.crc32(repr((case.path_parameters, body)).encode('utf8', 'replace'))}"
