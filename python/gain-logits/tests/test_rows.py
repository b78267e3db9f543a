"""The store of rows and its counters."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from gain_logits.rows import Rows  # noqa: E402

ROW = 4 * 10


def row(value=0.0):
    return torch.full((10,), value)


def test_the_least_recently_used_row_goes_first():
    rows = Rows(3 * ROW)
    for name in "abc":
        rows.put(name, row())
    rows.get("a")
    rows.put("d", row())
    assert [name in rows for name in "abcd"] == [True, False, True, True]
    assert (len(rows), rows.bytes, rows.evicted) == (3, 3 * ROW, 1)


def test_a_row_put_twice_counts_once_and_the_later_one_stays():
    rows = Rows(3 * ROW)
    rows.put("a", row(1.0))
    rows.put("a", row(2.0))
    assert (len(rows), rows.bytes) == (1, ROW)
    assert rows.get("a")[0] == 2.0


def test_a_row_larger_than_the_store_is_not_kept():
    rows = Rows(ROW - 1)
    rows.put("a", row())
    assert (len(rows), rows.bytes, rows.evicted) == (0, 0, 1)


def test_evictions_and_misses_are_counted_all_and_logged_once_a_minute(warnings):
    now = [0.0]
    rows = Rows(ROW, clock=lambda: now[0])
    for second in (0, 1, 59, 61):
        now[0] = second
        rows.put(second, row())
        rows.miss()
    assert (rows.evicted, rows.missing) == (3, 4)
    said = [record.getMessage() for record in warnings.records]
    assert said == [
        "gain-logits: 1 uses so far found no row: their clients have to store it again",
        "gain-logits: 1 rows evicted so far: set GAIN_LOGITS_BYTES above 40",
        "gain-logits: 3 rows evicted so far: set GAIN_LOGITS_BYTES above 40",
        "gain-logits: 4 uses so far found no row: their clients have to store it again",
    ]
