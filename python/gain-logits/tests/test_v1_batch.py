"""vLLM's first runner: a batch whose requests come, move and leave."""

import json
import math

import pytest

from conftest import sampling, values
from runner import OVER, ROW, SWAP, VOCABULARY, batch, change, come, contrast, logits_of, store, stored, torch, use, used
from vllm.v1.sample.logits_processor.state import BatchUpdateBuilder


@pytest.mark.parametrize(("moved", "places"), [([(0, 2, SWAP)], {2: 5, 0: 7}), ([(2, 0, OVER)], {0: 7})])
def test_requests_are_followed_through_moves(batch, moved, places):
    batch.update(change(3, added=[use(0, path=[5]), (1, sampling(), [1], []), use(2, path=[7])]))
    batch.update(change(3, moved=moved))
    before = logits_of(1, 3)
    logits = batch.apply(before.clone())
    for index in range(3):
        if index in places:
            assert logits[index].argmax().item() == places[index]
        else:
            assert torch.equal(logits[index], before[index])


def test_a_finished_store_that_another_is_moved_over_keeps_its_row(batch):
    """vLLM fills a hole from the end, and does not name the hole among the removed."""
    out = []
    batch.update(change(2, added=[store(0, out, path=[5]), use(1, path=[7])]))
    batch.apply(logits_of(1, 2))
    out.append(5)
    batch.update(change(1, moved=[(1, 0, OVER)]))
    assert ("k", ()) in batch.engine.rows
    assert batch.apply(logits_of(3))[0].argmax().item() == 7


def test_random_batches_agree_with_vllms_own_bookkeeping(batch):
    """Requests come, go, swap and slide down as vLLM's builder reports it; each row is answered for its own request."""
    import random

    dice, builder, seated, number = random.Random(5), BatchUpdateBuilder(), [], 0
    for _ in range(300):
        gone = sorted(dice.sample(range(len(seated)), dice.randint(0, min(2, len(seated)))))
        for index in gone:
            builder.removed_append(index)
            seated[index] = None
        for _ in range(dice.randint(0, 3)):
            if len([s for s in seated if s]) == 8:
                break
            number += 1
            token, out = (10 + number % 200) if dice.random() < 0.7 else None, []
            index = builder.pop_removed()
            index = len(seated) if index is None else index
            builder.added.append(use(index, out, path=[token]) if token else (index, sampling(), [1], out))
            seated[index : index + 1] = [(token,)]
        while builder.removed:  # slides the last ones down into the holes
            hole, last = builder.peek_removed(), len(seated) - 1
            while seated and seated[last] is None:
                last -= 1
            if hole >= last:
                break
            builder.pop_removed()
            builder.moved.append((last, hole, OVER))
            seated[hole], seated[last] = seated[last], None
        seated = [s for s in seated if s]
        if len(seated) > 1 and dice.random() < 0.3:
            one, other = dice.sample(range(len(seated)), 2)
            builder.moved.append((one, other, SWAP))
            seated[one], seated[other] = seated[other], seated[one]
        batch.update(builder.get_and_reset(len(seated)))
        before = logits_of(number, max(1, len(seated)))
        logits = batch.apply(before.clone())
        assert set(batch.seats) == {index for index, (token,) in enumerate(seated) if token}
        for index, (token,) in enumerate(seated):
            if token:
                assert logits[index].argmax().item() == token
            else:
                assert torch.equal(logits[index], before[index])


def test_an_evicted_row_is_missed_and_stored_again(batch):
    batch.engine.rows.limit = 2 * ROW
    stored(batch)
    stored(batch, key="other")
    assert batch.engine.rows.evicted == 2
    assert used(batch)[0] == [-math.inf, -math.inf]
    stored(batch)
    assert used(batch)[0][1] == pytest.approx(contrast(11, 1, 5), abs=1e-5)


def test_a_token_beyond_the_vocabulary_reaches_no_tensor(batch, warnings):
    for args in ({"path": [5, VOCABULARY]}, {"wanted": [VOCABULARY, 6], "counts": [1, 1]}):
        batch.update(change(1, added=[use(0, **args)]))
        logits = batch.apply(logits_of(1))
        assert logits[0].argmax().item() == 0
        assert torch.isinf(logits[0]).sum().item() == VOCABULARY - 1
    assert f"token id {VOCABULARY} is not in the vocabulary" in warnings.text


def test_a_description_leaves_in_steps(batch):
    out, sent = [], []
    batch.update(change(1, added=[come(0, out, op="describe", path=[0] * 3)]))
    for _ in range(3):
        logits = batch.apply(logits_of(1))
        assert logits[0].argmax().item() == 0
        sent += values(logits[0], 0, 100)
        out.append(0)
    told = json.loads(bytes(round(-value) for value in sent if value > -256))
    assert (told["protocol"], told["rows"], told["limit"]) == (1, 0, 20 * ROW)


def test_a_step_past_the_end_of_the_path_is_left_alone(batch):
    batch.update(change(1, added=[use(0, [5, 6])]))
    logits = logits_of(1)
    assert torch.equal(batch.apply(logits.clone()), logits)
