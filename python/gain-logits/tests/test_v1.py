"""vLLM's first runner: what is kept, when it is seen, and by whom."""

import math

import pytest

from conftest import sampling, values
from runner import batch, change, come, contrast, logits_of, plain, store, stored, torch, use, used


def test_a_use_contrasts_with_what_was_stored(batch):
    stored(batch)
    for sent, seed, base, token in zip(used(batch), (11, 12), (1, 2), (5, 6)):
        assert sent == pytest.approx([plain(logits_of(seed)[0], token), contrast(seed, base, token)], abs=1e-5)


def test_rows_are_shared_by_answers_with_the_same_beginning(batch):
    stored(batch, path=[5, 6])
    assert ("k", ()) in batch.engine.rows and ("k", (5,)) in batch.engine.rows
    sent = used(batch, path=[6], prefix=[5], seeds=[12])
    assert sent[0][1] == pytest.approx(contrast(12, 2, 6), abs=1e-5)


def test_a_use_without_its_row_sends_nothing_forces_its_token_and_is_counted_once_a_step(batch):
    out = []
    batch.update(change(1, added=[use(0, out)]))
    for _ in range(3):  # a prompt in three chunks
        logits = batch.apply(logits_of(1))
        assert logits.argmax().item() == 5
        assert values(logits[0], 5, 2) == [-math.inf, -math.inf]
    assert batch.engine.rows.missing == 1


def test_a_row_of_an_unfinished_prompt_is_never_seen(batch):
    """C1: chunks come by as the same step, and the last one counts."""
    out = []
    batch.update(change(1, added=[store(0, out)]))
    for seed in (91, 92, 1):
        batch.apply(logits_of(seed))
        assert len(batch.engine.rows) == 0
        batch.update(None)
    out.append(-1)
    batch.apply(logits_of(2))
    assert torch.equal(batch.engine.rows.get(("k", ())), torch.log_softmax(logits_of(1)[0], -1))


def test_a_row_is_seen_as_the_next_step_begins_in_the_same_batch(batch):
    """C2: a use beside the store finds it in the store's second step, before that is answered."""
    out, other = [], []
    batch.update(change(2, added=[store(0, out), use(1, other)]))
    batch.apply(logits_of(1, 2))
    assert batch.engine.rows.missing == 1
    out.append(-1)
    batch.apply(logits_of(2, 2))
    assert len(batch.engine.rows) == 1


def test_the_last_row_is_there_for_whoever_comes_as_the_store_leaves(batch):
    """C2: vLLM says who left and who came in one change, before the step."""
    out = []
    batch.update(change(1, added=[store(0, out, path=[5])]))
    batch.apply(logits_of(1))
    out.append(-1)
    batch.update(change(1, added=[use(0, [], path=[5])]))  # takes the index over: not among the removed
    sent = values(batch.apply(logits_of(11))[0], 5, 2)
    assert sent[1] == pytest.approx(contrast(11, 1, 5), abs=1e-5)


def test_an_aborted_store_leaves_no_row(batch):
    """C3: it left in the middle of its prompt."""
    batch.update(change(1, added=[store(0)]))
    batch.apply(logits_of(91))
    batch.update(change(0, removed=[0]))
    assert (len(batch.engine.rows), batch.seats) == (0, {})


def test_an_aborted_store_leaves_no_row_when_another_takes_its_index(batch):
    batch.update(change(1, added=[store(0)]))
    batch.apply(logits_of(91))
    batch.update(change(1, added=[(0, sampling(), [1], [])]))
    logits = logits_of(7)
    assert torch.equal(batch.apply(logits.clone()), logits)
    assert len(batch.engine.rows) == 0


def test_a_preempted_store_goes_on_where_it_was(batch):
    out = []
    batch.update(change(1, added=[store(0, out, path=[5, 6, 7])]))
    batch.apply(logits_of(1))
    out.append(5)
    batch.apply(logits_of(2))  # its token was made, and the request put aside before the next step
    out.append(6)
    batch.update(change(0, removed=[0]))
    assert [("k", p) in batch.engine.rows for p in ((), (5,), (5, 6))] == [True, True, False]
    again = list(out)  # vLLM makes a new list of a resumed request's tokens
    batch.update(change(1, added=[store(0, again, path=[5, 6, 7])]))
    batch.apply(logits_of(93))  # the prompt and two tokens again, in two chunks
    batch.apply(logits_of(3))
    again.append(7)
    batch.update(change(0, removed=[0]))
    for step, seed in enumerate((1, 2, 3)):
        row = batch.engine.rows.get(("k", (5, 6, 7)[:step]))
        assert torch.equal(row, torch.log_softmax(logits_of(seed)[0], -1))


def test_a_preempted_use_goes_on_where_it_was(batch):
    stored(batch)
    batch.update(change(1, added=[use(0, [5])]))
    logits = batch.apply(logits_of(12))
    assert values(logits[0], 6, 2)[1] == pytest.approx(contrast(12, 2, 6), abs=1e-5)
