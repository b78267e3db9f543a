import logging
from types import SimpleNamespace

import pytest

#: What vLLM's SamplingParams holds after a request as the protocol wants it.
NEUTRAL = {
    "temperature": 0.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "ignore_eos": True,
    "n": 1,
    "min_tokens": 0,
    "stop": [],
    "stop_token_ids": [],
    "bad_words": None,
    "logit_bias": None,
    "allowed_token_ids": None,
    "structured_outputs": None,
    "thinking_token_budget": None,
}


def asked(**args):
    """Parameters of a request: keywords become gain_ names; others= overrides what vLLM holds."""
    others = args.pop("others", {})
    extra = {f"gain_{name}": value for name, value in args.items()}
    held = {"max_tokens": len(extra.get("gain_path", ())), "logprob_token_ids": list(range(121)), **NEUTRAL, **others}
    return SimpleNamespace(extra_args=extra, **held)


def facts(vocab=300):
    return {"protocol": 1, "plugin": "0.1.0", "runner": "v1", "vllm": "0.32.0", "model": "m", "vocab": vocab}


def sampling(**args):
    """The same as vLLM's own SamplingParams; without keywords a request that is none of ours."""
    from vllm import SamplingParams

    params = asked(**args)
    held = {name: value for name, value in vars(params).items() if name != "extra_args"}
    if not args:
        return SamplingParams(max_tokens=5)
    return SamplingParams(**held, logprobs=len(params.logprob_token_ids), extra_args=params.extra_args)


def values(row, forced, count):
    """What a client reads off one row [V] of logits: the first ``count`` carriers' log-probabilities, shifted back."""
    from gain_logits.wire import carriers

    sent = row.double().log_softmax(-1)
    return [sent[column].item() + 50 for column in carriers(forced, count)]


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, logger="vllm.gain_logits")
    logging.getLogger("vllm").propagate = True
    return caplog
