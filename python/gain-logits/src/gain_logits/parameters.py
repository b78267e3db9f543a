"""What a request asks for: ``vllm_xargs`` read and checked. Import-light: the API process needs no torch for this."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gain_logits.wire import CHUNK, MOST_VALUES

OPERATIONS = ("store", "use", "describe")
FORMS = ("paper", "difference")
NAMES = tuple(f"gain_{name}" for name in ("op", "key", "prefix", "path", "wanted", "counts", "alphas", "form"))
MOST_ALPHAS = 16
LONGEST_KEY = 200

#: What else would change a row, or end a path early: name, the values that change nothing, what to send.
NEUTRAL = (
    ("temperature", (0,), "0"),
    ("presence_penalty", (0,), "0"),
    ("frequency_penalty", (0,), "0"),
    ("repetition_penalty", (1,), "1"),
    ("ignore_eos", (True,), "true"),
    ("n", (1,), "1"),
    ("min_tokens", (0, None), "0"),
    ("stop", ((), [], None), "none"),
    ("stop_token_ids", ((), [], None), "none"),
    ("bad_words", ((), [], None), "none"),
    ("logit_bias", ({}, None), "none"),
    ("allowed_token_ids", (None,), "none"),
    ("structured_outputs", (None,), "none"),
    ("thinking_token_budget", (None,), "none"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked. ``wanted[s]`` are the tokens whose values leave at step ``s``."""

    op: str
    key: str
    prefix: tuple[int, ...]
    path: tuple[int, ...]
    wanted: tuple[tuple[int, ...], ...]
    alphas: tuple[float, ...]
    form: str

    def address(self, step):
        """Under which the row of a step is kept: the prompt's key and the answer so far."""
        return self.key, self.prefix + self.path[:step]

    def most_values(self):
        """Values of the fullest step."""
        if self.op == "describe":
            return CHUNK
        return max(map(len, self.wanted)) * (1 + len(self.alphas))

    def highest_id(self):
        """The highest token id that the request touches, its carriers included."""
        tokens = (*self.prefix, *self.path, *(token for step in self.wanted for token in step))
        return max(*tokens, self.most_values())


def _integers(args, name, least=1):
    value = args.get(name)
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name} must be a list of token ids, not {_shown(value)}")
    if len(value) < least:
        raise ValueError(f"{name} must hold at least {least} token id")
    for at, token in enumerate(value):
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < 2**31:
            raise ValueError(f"{name}[{at}] must be a token id (an integer from 0), not {_shown(token)}")
    return tuple(value)


def _counts(args, steps):
    value = args["gain_counts"]
    if not isinstance(value, (list, tuple)) or len(value) != steps:
        raise ValueError(f"gain_counts must be a list of {steps} integers, one for each token of gain_path")
    for at, count in enumerate(value):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"gain_counts[{at}] must be an integer from 1, not {_shown(count)}")
    return tuple(value)


def _wanted(args, path):
    if "gain_wanted" not in args and "gain_counts" not in args:
        return tuple((token,) for token in path)
    if "gain_wanted" not in args or "gain_counts" not in args:
        raise ValueError("gain_wanted and gain_counts belong together: send both, or neither")
    tokens, counts = _integers(args, "gain_wanted"), _counts(args, len(path))
    if sum(counts) != len(tokens):
        raise ValueError(f"gain_counts add up to {sum(counts)}, but gain_wanted holds {len(tokens)} token ids")
    ends = [sum(counts[: step + 1]) for step in range(len(counts))]
    return tuple(tokens[end - count : end] for end, count in zip(ends, counts))


def _alphas(args):
    value = args.get("gain_alphas", [0.5])
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_ALPHAS:
        raise ValueError(f"gain_alphas must be a list of 1 to {MOST_ALPHAS} numbers")
    for at, alpha in enumerate(value):
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not math.isfinite(alpha) or alpha < 0:
            raise ValueError(f"gain_alphas[{at}] must be a finite number from 0, not {_shown(alpha)}")
    return tuple(map(float, value))


def _chosen(args, name, choices, default=None):
    value = args.get(name, default)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {_shown(value)}")
    return value


def _key(args):
    key = args.get("gain_key")
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
        raise ValueError(f"gain_key must be a string of 1 to {LONGEST_KEY} characters")
    return key


def _foreign(args, op):
    unknown = [name for name in args if name.startswith("gain_") and name not in NAMES]
    if unknown:
        raise ValueError(f"{unknown[0][:60]} is unknown: this server knows {', '.join(NAMES)}")
    only_use = [name for name in ("gain_alphas", "gain_form") if name in args and op != "use"]
    if only_use:
        raise ValueError(f"{only_use[0]} is only for gain_op use, not for {op}")
    if op == "describe" and ("gain_wanted" in args or "gain_counts" in args):
        raise ValueError("gain_wanted and gain_counts are not for gain_op describe")


def parse(args, max_tokens):
    """The request in ``extra_args`` (vLLM's name for ``vllm_xargs``), or None where it has no ``gain_`` name at all.

    Raises ValueError with one sentence that names the parameter. Token ids cannot be held against the vocabulary here,
    because vLLM does not say here which model is served: the engine does that (``Engine.admit``).
    """
    if not args or not any(name.startswith("gain_") for name in args):
        return None
    op = _chosen(args, "gain_op", OPERATIONS)
    _foreign(args, op)
    path = _integers(args, "gain_path")
    if max_tokens != len(path):
        raise ValueError(f"max_tokens must be {len(path)}, the length of gain_path, not {max_tokens}")
    if op == "describe":
        if any(path):
            raise ValueError("gain_path must hold zeros only for gain_op describe")
        return Request(op, "", (), path, ((),) * len(path), (), FORMS[0])
    form = _chosen(args, "gain_form", FORMS, FORMS[0])
    alphas = () if op == "store" else _alphas(args)
    request = Request(
        op=op,
        key=_key(args),
        prefix=_integers(args, "gain_prefix", 0) if "gain_prefix" in args else (),
        path=path,
        wanted=_wanted(args, path),
        alphas=alphas if form == "paper" else (0.0,),
        form=form,
    )
    _fits(request)
    return request


def _fits(request):
    most = request.most_values()
    if most > MOST_VALUES:
        raise ValueError(
            f"a step would send {most} values, and {MOST_VALUES} is the most: "
            "fewer tokens in gain_wanted or fewer gain_alphas, in more requests"
        )


def check(params):
    """All checks of a request: raises ValueError with one clear sentence; does nothing for requests without ``gain_``.

    ``params`` is vLLM's SamplingParams.
    """
    request = parse(params.extra_args, params.max_tokens)
    if request is None:
        return
    for name, harmless, wish in NEUTRAL:
        value = getattr(params, name, harmless[0])
        if value not in harmless:
            raise ValueError(f"{name} must be {wish} in a request with gain_op, not {_shown(value)}")
    sent = set(getattr(params, "logprob_token_ids", None) or ())
    most = request.most_values()
    if not sent.issuperset(range(most + 1)):
        raise ValueError(f"logprob_token_ids must hold 0 to {most}: a step of this request sends {most} values")


def _shown(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
