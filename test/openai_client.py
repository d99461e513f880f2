"""Asks a server by the official package: `openai_client.py BASE_URL ANSWER`, ANSWER being that of "tiny" to 你好."""

import sys

from openai import APIError, BadRequestError, OpenAI

url, answer = sys.argv[1:]
client = OpenAI(base_url=url, api_key="none", max_retries=0)
asked = dict(model="tiny", messages=[{"role": "user", "content": "你好"}], temperature=0)


def chat(**extra):
    return client.chat.completions.create(**{**asked, **extra})


whole = chat(logprobs=True, top_logprobs=3, n=2, frequency_penalty=0.0, stop=["x"], logit_bias={"5": -1})
assert [choice.message.content for choice in whole.choices] == [answer, answer]
content = whole.choices[0].logprobs.content
assert bytes(byte for token in content for byte in token.bytes).decode() == answer
assert all(len(token.top_logprobs) == 3 for token in content)

texts = {0: "", 1: ""}
reasons = {}
for chunk in chat(stream=True, n=2, stream_options={"include_usage": True}):
    for choice in chunk.choices:
        texts[choice.index] += choice.delta.content or ""
        reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
assert texts == {0: answer, 1: answer} and reasons == {0: "stop", 1: "stop"}
assert chunk.choices == [] and chunk.usage == whole.usage

wild = dict(temperature=2.0, max_completion_tokens=16)
seeded = [chat(**wild, seed=seed).choices[0].message.content for seed in (7, 8)]
pair = chat(**wild, seed=7, n=2, extra_body={"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0})
assert [choice.message.content for choice in pair.choices] == seeded

raw = dict(model="tiny", temperature=0, max_tokens=4)
echoed = client.completions.create(**raw, prompt=["感冒", "你好"], echo=True, logprobs=1)
assert [choice.text[:2] for choice in echoed.choices] == ["感冒", "你好"]
told = echoed.choices[1].logprobs
assert told.token_logprobs[0] is None and told.text_offset[0] == 0
assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset)

for param, value in [("tools", [{"type": "function", "function": {"name": "f"}}]), ("n", 1000), ("top_p", 0.0)]:
    try:
        chat(**{param: value})
        raise AssertionError(f"{param} was not refused")
    except BadRequestError as error:
        assert isinstance(error, APIError) and error.param == param and error.status_code == 400

print("ok")
