"""The arithmetic against float64, and how values stand in the logits."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from gain_logits import score  # noqa: E402
from gain_logits.score import DIFFERENCE, PAPER, Turn, answer, log_rows, values  # noqa: E402
from gain_logits.wire import NO_NUMBER, carriers  # noqa: E402

VOCABULARY = 5_000
ALPHAS = (0.0, 0.25, 0.5, 1.0, 3.0)


def logits_of(rows, seed=0, vocabulary=VOCABULARY):
    """Logits as models make them: a few likely tokens, a long tail."""
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * 4 + 10


def base_of(seed=99, vocabulary=VOCABULARY):
    return log_rows(logits_of(1, seed, vocabulary))[0]


def read(logits, turn):
    """[wanted, 1 + A] values as a client reads them: from the log-probabilities of the carriers."""
    sent = torch.log_softmax(logits[turn.row].double(), -1)
    return [sent[c].item() + 50 for c in turn.columns()]


def truth(z, b, alpha):
    """The definition, in float64."""
    z, b = torch.log_softmax(z.double(), -1), torch.log_softmax(b.double(), -1)
    return torch.log_softmax((1 + alpha) * z - alpha * b, -1)


def test_values_agree_with_float64_to_a_hundred_thousandth():
    """Up to alpha 1; float32 rows carry their own rounding into the contrast, alpha times."""
    logits, without = logits_of(6), logits_of(1, 99)[0]
    before, base = logits.clone(), log_rows(without[None])[0]
    likely = before.topk(3, -1).indices.tolist()
    turns = [Turn(r, likely[r][0], tuple(likely[r]), PAPER, ALPHAS, base) for r in range(6)]
    answer(logits, turns)
    for turn in turns:
        got, each = read(logits, turn), 1 + len(ALPHAS)
        for at, alpha in enumerate((0.0, *ALPHAS)):  # the plain value first
            want = truth(before[turn.row], without, alpha)[list(turn.wanted)].tolist()
            assert got[at::each] == pytest.approx(want, abs=1e-5 * max(1.0, alpha))


def test_alpha_zero_is_the_plain_value_to_the_bit():
    """Looked at before the shift by 50, which would hide the last bits of likely tokens."""
    z = log_rows(logits_of(50) * 3)
    plain, zero = values(z, base_of()[None], None, torch.arange(50), z.argmax(-1), PAPER, (0.0,)).unbind(1)
    assert torch.equal(plain, zero)


def test_a_difference_with_itself_is_minus_the_logarithm_of_the_vocabulary():
    logits = logits_of(1)
    turn = Turn(0, 8, (8, 77), DIFFERENCE, (0.0,), log_rows(logits)[0])
    answer(logits, [turn])
    assert read(logits, turn)[1::2] == pytest.approx([-math.log(VOCABULARY)] * 2, abs=1e-5)


def test_difference_agrees_with_float64():
    logits, without = logits_of(2), logits_of(1, 99)[0]
    before = logits.clone().double()
    turn = Turn(1, 8, (8,), DIFFERENCE, (0.0,), log_rows(without[None])[0])
    answer(logits, [turn])
    gap = torch.log_softmax(before[1], -1) - torch.log_softmax(without.double(), -1)
    assert read(logits, turn)[1] == pytest.approx(torch.log_softmax(gap, -1)[8].item(), abs=1e-5)


def test_the_forced_token_is_the_likeliest_and_every_other_but_the_carriers_is_impossible():
    logits = logits_of(3)
    turns = [Turn(0, 4_999, (1, 2), keep=True), Turn(1, 0, (0,), PAPER, (0.5,), base_of()), Turn(2, 1, said=())]
    answer(logits, turns)
    assert logits.argmax(-1).tolist() == [4_999, 0, 1]
    assert torch.log_softmax(logits, -1).max(-1).values.tolist() == [0.0, 0.0, 0.0]
    assert torch.isfinite(logits).sum(-1).tolist() == [3, 3, 1]


def test_carriers_skip_the_forced_token():
    assert carriers(9, 3) == [0, 1, 2]
    assert carriers(1, 3) == [0, 2, 3]
    assert carriers(0, 3) == [1, 2, 3]
    assert carriers(3, 3) == [0, 1, 2]


def test_rows_that_have_no_turn_stay_as_they_are():
    logits = logits_of(4)
    before = logits.clone()
    answer(logits, [Turn(1, 5, (5,), keep=True)])
    assert torch.equal(logits[[0, 2, 3]], before[[0, 2, 3]])
    answer(logits, [])
    assert torch.equal(logits[[0, 2, 3]], before[[0, 2, 3]])


def test_a_missing_row_leaves_every_carrier_impossible():
    logits = logits_of(1)
    answer(logits, [Turn(0, 5, said=())])
    assert logits[0, 5] == 0
    assert torch.isinf(logits[0]).sum() == VOCABULARY - 1


def test_what_lies_below_the_floor_leaves_as_the_floor():
    logits = logits_of(1)
    logits[0, 7] = float("-inf")
    logits[0, 8] = -1e9
    turn = Turn(0, 5, (7, 8), keep=True)
    answer(logits, [turn])
    assert logits[0, turn.columns()].tolist() == [-4050.0, -4050.0]
    logits = logits_of(1)
    logits[0, 7] = -3_000.0
    turn = Turn(0, 5, (7,), PAPER, (3.0,), base_of())  # four times as far down
    answer(logits, [turn])
    plain, contrast = logits[0, turn.columns()].tolist()
    assert (plain > -4050, contrast) == (True, -4050.0)


def test_tokens_that_are_masked_on_both_sides_spoil_no_value():
    logits, base = logits_of(1), logits_of(1, 99)
    logits[0, 100:200] = base[0, 100:200] = float("-inf")
    before, turn = logits.clone(), Turn(0, 5, (5,), PAPER, (0.5,), log_rows(base)[0])
    answer(logits, [turn])
    kept = torch.cat((torch.arange(100), torch.arange(200, VOCABULARY)))
    assert read(logits, turn)[1] == pytest.approx(truth(before[0, kept], base[0, kept], 0.5)[5].item(), abs=1e-5)


def test_a_row_that_is_no_number_says_so():
    logits = logits_of(1)
    logits[0, 0] = float("nan")
    turn = Turn(0, 5, (5,), keep=True)
    [(_, kept)] = answer(logits, [turn])
    assert logits.argmax() == 5
    assert read(logits, turn) == [NO_NUMBER]
    logits, turn = logits_of(2), Turn(0, 5, (5,), PAPER, (0.5,), kept)
    answer(logits, [turn])
    assert read(logits, turn)[1] == NO_NUMBER


def test_rounding_leaves_no_log_probability_above_zero():
    logits = torch.full((1, VOCABULARY), -80.0)
    logits[0, 5] = 0
    turn = Turn(0, 5, (5,), PAPER, (1000.0,), log_rows(torch.randn(1, VOCABULARY))[0])
    answer(logits, [turn])
    assert max(read(logits, turn)) <= 0


def test_kept_rows_are_log_softmax_and_own_their_memory():
    logits = logits_of(3)
    want = torch.log_softmax(logits, -1)
    kept = answer(logits, [Turn(r, 5, (5,), keep=True) for r in range(3)])
    assert [turn.row for turn, _ in kept] == [0, 1, 2]
    for turn, row in kept:
        assert torch.equal(row, want[turn.row])
        assert row.untyped_storage().nbytes() == 4 * VOCABULARY


def mixed(logits):
    """Turns of all kinds, with three bases, in no order."""
    bases = [base_of(seed) for seed in (1, 2, 3)]
    kinds = [
        lambda r: Turn(r, r, (r, 5), PAPER, (0.5, 2.0), bases[r % 3]),
        lambda r: Turn(r, r, (7,), keep=True),
        lambda r: Turn(r, r, (r,), DIFFERENCE, (0.0,), bases[r % 2]),
        lambda r: Turn(r, 0, said=[-1.0, -2.0, -300.0]),
        lambda r: Turn(r, r, (4, 5, 6), PAPER, (1.0,), bases[0]),
    ]
    return [kinds[r % 5](r) for r in reversed(range(logits.shape[0]))]


def test_many_rows_at_once_give_what_each_gives_alone(monkeypatch):
    together, alone = logits_of(23), logits_of(23)
    answer(together, mixed(together))
    for turn in mixed(alone):
        answer(alone, [turn])
    assert torch.allclose(together, alone, atol=1e-5, rtol=0)
    bounded = logits_of(23)
    monkeypatch.setattr(score, "BUDGET", 2 * VOCABULARY)  # two rows at a time
    answer(bounded, mixed(bounded))
    assert torch.allclose(bounded, alone, atol=1e-5, rtol=0)


def test_the_work_on_the_host_does_not_grow_with_the_bases():
    """Operations of torch in one step: the same for 1 base and for 16."""
    from torch.profiler import ProfilerActivity, profile

    def operations(distinct):
        logits, bases = logits_of(32), [base_of(seed) for seed in range(distinct)]
        turns = [Turn(r, 5, (5,), PAPER, (0.5,), bases[r % distinct]) for r in range(32)]
        with profile(activities=[ProfilerActivity.CPU]) as told:
            answer(logits, turns)
        return sum(event.count for event in told.key_averages())

    few, many = operations(2), operations(16)
    assert many <= few + 40  # a view for each stacked base, no kernel


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_no_step_waits_for_the_device():
    logits = logits_of(23).cuda()
    turns = [
        Turn(t.row, t.forced, t.wanted, t.form, t.alphas, None if t.base is None else t.base.cuda(), t.said, t.keep)
        for t in mixed(logits)
    ]
    answer(logits.clone(), turns)  # what is set up once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        answer(logits, turns)
    finally:
        torch.cuda.set_sync_debug_mode("default")
