"""vLLM's second runner: its own context and request state, filled by hand on the CPU."""

import math
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
np = pytest.importorskip("numpy", reason="numpy is not installed")
interface = pytest.importorskip("vllm.v1.worker.gpu.sample.logits_processor.interface", reason="vLLM is not installed")

from conftest import facts, sampling, values  # noqa: E402

from gain_logits.engine import Engine  # noqa: E402
from gain_logits.rows import Rows  # noqa: E402
from gain_logits.v2 import Slots  # noqa: E402

VOCABULARY = 300


def states():
    lengths = [SimpleNamespace(np=np.zeros(16, dtype=np.int32)) for _ in range(2)]
    return interface.LogitsProcRequestState(
        device=torch.device("cpu"),
        max_num_reqs=16,
        vocab_size=VOCABULARY,
        all_token_ids=None,
        prompt_len=lengths[0],
        prefill_len=lengths[1],
        total_len=None,
    )


def context(*places):
    """The step's batch: (slot, tokens that the model has seen) for each row."""
    slots = np.array([slot for slot, _ in places], dtype=np.int32)
    seen = np.array([length for _, length in places], dtype=np.int32)
    mapping = torch.from_numpy(slots)
    return interface.LogitsContext(
        expanded_idx_mapping=mapping,
        idx_mapping=mapping,
        idx_mapping_np=slots,
        expanded_local_pos=torch.zeros(len(places), dtype=torch.int32),
        input_ids=torch.zeros(len(places), dtype=torch.int32),
        pos=torch.from_numpy(seen - 1),
        seq_lens_upper_bound_np=seen,
    )


def logits_of(seed, rows=1):
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 4


def contrast(z, b, token, alpha=0.5):
    z, b = torch.log_softmax(z.double(), -1), torch.log_softmax(b.double(), -1)
    return torch.log_softmax((1 + alpha) * z - alpha * b, -1)[token].item()


@pytest.fixture
def slots():
    return Slots(Engine(facts(VOCABULARY), Rows(20 * 4 * VOCABULARY)), states())


def come(slots, slot, prompt, **args):
    slots.states.prompt_len.np[slot] = prompt
    return slots.add(slot, sampling(**args))


def test_only_requests_of_ours_are_taken(slots):
    assert come(slots, 3, 40, op="use", key="k", path=[5]) is True
    assert come(slots, 4, 40) is False
    logits = logits_of(1, 2)
    before = logits.clone()
    slots.apply(logits, context((4, 40), (3, 40)))
    assert torch.equal(logits[0], before[0])
    assert logits[1].argmax().item() == 5


def test_a_use_contrasts_with_what_was_stored_wherever_its_row_stands(slots):
    come(slots, 7, 30, op="store", key="k", path=[5, 6])
    come(slots, 2, 45, op="use", key="k", path=[5, 6])
    for step, seed in enumerate((1, 2)):
        slots.apply(logits_of(seed), context((7, 30 + step)))
    for step, (seed, base, token) in enumerate(((11, 1, 5), (12, 2, 6))):
        logits = slots.apply(logits_of(seed, 2), context((9, 10), (2, 45 + step)))
        want = contrast(logits_of(seed, 2)[1], logits_of(base)[0], token)
        assert values(logits[1], token, 2)[1] == pytest.approx(want, abs=1e-5)


def test_a_row_of_an_unfinished_prompt_is_never_seen(slots):
    come(slots, 0, 30, op="store", key="k", path=[5])
    logits = logits_of(91)
    assert torch.equal(slots.apply(logits.clone(), context((0, 16))), logits)
    assert len(slots.engine.rows) == 0
    slots.apply(logits_of(1), context((0, 30)))
    assert torch.equal(slots.engine.rows.get(("k", ())), torch.log_softmax(logits_of(1)[0], -1))


def test_an_aborted_store_leaves_no_row_and_its_slot_is_used_again(slots):
    come(slots, 0, 30, op="store", key="k", path=[5])
    slots.apply(logits_of(91), context((0, 16)))
    assert come(slots, 0, 12) is False
    logits = logits_of(2)
    assert torch.equal(slots.apply(logits.clone(), context((0, 12))), logits)
    assert (len(slots.engine.rows), slots.jobs) == (0, {})


def test_a_resumed_request_goes_on_where_it_was(slots):
    """It comes back into another slot with its output as part of what is filled in; the prompt's length stays."""
    come(slots, 0, 30, op="store", key="k", path=[5, 6, 7])
    slots.apply(logits_of(1), context((0, 30)))
    come(slots, 1, 30, op="store", key="k", path=[5, 6, 7])
    slots.apply(logits_of(91), context((1, 20)))  # a chunk inside the prompt
    slots.apply(logits_of(2), context((1, 31)))  # a chunk that ends after the first answer token: the row of step 1
    slots.apply(logits_of(3), context((1, 32)))
    for step, seed in enumerate((1, 2, 3)):
        row = slots.engine.rows.get(("k", (5, 6, 7)[:step]))
        assert torch.equal(row, torch.log_softmax(logits_of(seed)[0], -1))


def test_a_missing_row_sends_nothing_and_forces_its_token(slots):
    come(slots, 0, 30, op="use", key="nobody", path=[5])
    logits = slots.apply(logits_of(1), context((0, 30)))
    assert logits.argmax().item() == 5
    assert values(logits[0], 5, 2) == [-math.inf, -math.inf]
    assert slots.engine.rows.missing == 1


def test_steps_past_the_end_of_the_path_are_left_alone(slots):
    come(slots, 0, 30, op="use", key="k", path=[5])
    logits = logits_of(1)
    assert torch.equal(slots.apply(logits.clone(), context((0, 31))), logits)
