"""vLLM's first runner: its own BatchUpdate, its own builder of them, its own parameters."""

import json
import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
interface = pytest.importorskip("vllm.v1.sample.logits_processor.interface", reason="vLLM is not installed")

from conftest import facts, sampling, values  # noqa: E402
from vllm.v1.sample.logits_processor.state import BatchUpdateBuilder  # noqa: E402

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
