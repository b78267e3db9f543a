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


@pytest.fixture
def ask():
    return asked


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, logger="vllm.gain_logits")
    logging.getLogger("vllm").propagate = True
    return caplog
