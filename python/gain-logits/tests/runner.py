"""What tests of vLLM's first runner share: its own BatchUpdate, its own parameters, a store and a use that run whole."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
interface = pytest.importorskip("vllm.v1.sample.logits_processor.interface", reason="vLLM is not installed")

from conftest import facts, sampling, values  # noqa: E402

from gain_logits.engine import Engine  # noqa: E402
from gain_logits.rows import Rows  # noqa: E402
from gain_logits.v1 import Batch  # noqa: E402

VOCABULARY = 300
ROW = 4 * VOCABULARY
SWAP, OVER = interface.MoveDirectionality.SWAP, interface.MoveDirectionality.UNIDIRECTIONAL


def change(size, removed=(), added=(), moved=()):
    return interface.BatchUpdate(batch_size=size, removed=removed, added=added, moved=moved)


def come(index, out=None, **args):
    return index, sampling(**args), [1, 2], [] if out is None else out


def store(index, out=None, **args):
    return come(index, out, **{"op": "store", "key": "k", "path": [5, 6], **args})


def use(index, out=None, **args):
    return come(index, out, **{"op": "use", "key": "k", "path": [5, 6], **args})


def logits_of(seed, rows=1):
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 4


def plain(logits, token):
    return torch.log_softmax(logits.double(), -1)[..., token].tolist()


@pytest.fixture
def batch():
    return Batch(Engine(facts(VOCABULARY), Rows(20 * ROW)))


def stored(batch, seeds=(1, 2), **args):
    """A store of two steps that comes, runs and leaves again."""
    out = []
    batch.update(change(1, added=[store(0, out, **args)]))
    for seed in seeds:
        batch.apply(logits_of(seed))
        out.append(-1)  # a placeholder, as under asynchronous scheduling
        batch.update(None)
    batch.update(change(0, removed=[0]))


def used(batch, seeds=(11, 12), **args):
    """[[values of a step]] of a use that comes, runs and leaves again."""
    out, sent = [], []
    batch.update(change(1, added=[use(0, out, **args)]))
    for token, seed in zip(args.get("path", [5, 6]), seeds):
        logits = batch.apply(logits_of(seed))
        assert logits.argmax().item() == token
        sent.append(values(logits[0], token, 2))
        out.append(token)
        batch.update(None)
    batch.update(change(0, removed=[0]))
    return sent


def contrast(seed, base, token, alpha=0.5):
    z, b = (torch.log_softmax(logits_of(s)[0].double(), -1) for s in (seed, base))
    return torch.log_softmax((1 + alpha) * z - alpha * b, -1)[token].item()
