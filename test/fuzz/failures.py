"""Takes out of what schemathesis complains about what no description could have told it."""

import re
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

refusals = "|".join(
    [
        # What is named is not there.
        r"after: .*(there is no|has no event) ",
        r"part_ids\[\d+\]: the upload has no part ",
        r"path: ",
        r"there is no token ",
        r".* is no adapter, all its weights were trained",
        r"format: .*[Ee]xport",
        r"the test was not answered: ",
        r"target_modules .* matches none of the base model's linear modules",
        # There is not so much room.
        r"the prompt has \d+ tokens .* the context window of ",
        r"the run needs .* GiB at least",
        r"prompt and reply may take \d+ tokens; ",
        # Texts that are written in languages of their own.
        r"the schema at ",
        r"config: ",
        r"(target_modules|(rank|alpha)_pattern): .* is not a regular expression",
        r"messages\[\d+\]\.tool_calls\[\d+\]\.function\.arguments: expected the JSON of an object",
        r"the chat template refuses this: ",
        # Fields that contradict or need each other.
        r"source: give either source, a repository, or path, a directory",
        r"messages\[\d+\]\.content: expected text, or tool_calls beside it",
        r"peft\.init_\w+: ",
        r"quantization_bit \d+ is for a frozen base",
        # JSON has texts and integers that are none elsewhere.
        r".*: Too (big|small): expected int to be .=-?9007199254740991",
        r".*holds the character U\+0000, which is no text",
        # Bytes that were made up.
        r"file: .* is empty",
        r"data: the form has no file of this name that is not empty",
        r"the zip cannot be used",
        r"adapter_config.json: preamble_position_rule is ",
    ]
)
"""Why a request that is as described may be refused with 400 all the same: how the messages begin."""


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        message = response.json()["error"]["message"]
        return not re.match(refusals, message, re.DOTALL)
    return not (isinstance(failure, AcceptedNegativeData) and (reads_right(case, response) or sends_nothing(case)))


def wrong_in(case):
    """The parts of the request that are meant to be wrong, as places in its schema."""
    how = case.meta.phase.data
    return [mutation.schema_pointer for mutation in how.mutations] or [f"/properties/{how.parameter}"]


def reads_right(case, response):
    """
    In a query everything is text: where `metadata` wants texts, the `true` of a fuzzer that means a boolean is right, and
    no server could tell them apart.
    """
    sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)
    pairs = {name: texts for name, texts in sent.items() if name.startswith("metadata[")}
    of_metadata = all(pointer.startswith("/properties/metadata") for pointer in wrong_in(case))
    return of_metadata and bool(pairs) and all(len(texts) == 1 for texts in pairs.values())


def sends_nothing(case):
    """Of an empty list nothing is in a form, and a field that may be left out is left out."""
    body = case.body if case.media_type == "multipart/form-data" and isinstance(case.body, dict) else {}
    return all(body.get(pointer.removeprefix("/properties/")) == [] for pointer in wrong_in(case))
