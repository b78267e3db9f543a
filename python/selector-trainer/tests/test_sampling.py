"""What takes part in a step."""

from collections import Counter

from selector_trainer.material import Group, Passage
from selector_trainer.sampling import batch_of, draw, order, steps


def group(count, best=0, id="q"):
    scores = [-1.0 if i == best else -3.0 - i for i in range(count)]
    return Group(id, "?", tuple(Passage("", str(i), score) for i, score in enumerate(scores)))


def test_a_group_is_its_positive_and_negatives_that_are_drawn_anew_each_epoch():
    drawn = [draw(group(21, best=5), 16, 0, epoch).members for epoch in range(50)]
    assert all(members[0] == 5 and 5 not in members[1:] for members in drawn)
    assert all(len(set(members)) == 16 for members in drawn)
    assert len({frozenset(members) for members in drawn}) > 45
    seen = Counter(i for members in drawn for i in members[1:])
    assert len(seen) == 20 and min(seen.values()) > 25


def test_where_there_are_fewer_negatives_each_is_taken_once():
    assert sorted(draw(group(10), 16, 0, 0).members) == list(range(10))


def test_with_repeat_a_group_is_full_and_no_negative_comes_more_often_than_it_must():
    members = draw(group(8), 16, 0, 0, repeat=True).members
    assert len(members) == 16 and members[0] == 0
    assert max(Counter(members[1:]).values()) == 3 and 0 not in members[1:]


def test_the_earlier_of_equal_passages_is_the_positive():
    alike = Group("q", "?", tuple(Passage("", str(i), -1.0) for i in range(4)))
    assert draw(alike, 2, 0, 0).members[0] == 0


def test_the_same_seed_and_epoch_draw_the_same():
    assert draw(group(21), 16, 7, 1) == draw(group(21), 16, 7, 1)
    assert draw(group(21), 16, 7, 1) != draw(group(21), 16, 8, 1)


def test_each_epoch_has_each_group_once_in_another_order():
    groups = [group(3, id=str(i)) for i in range(21)]
    epochs = [[each.id for i in range(steps(groups, 8, False)) for each in batch_of(groups, 8, 0, e, i)] for e in range(2)]
    assert all(sorted(ids) == sorted(g.id for g in groups) for ids in epochs)
    assert epochs[0] != epochs[1] and epochs[0] == [g.id for g in order(groups, 0, 0)]


def test_a_last_batch_that_is_not_full_can_be_left_out():
    assert [steps([group(2)] * n, 8, drop) for n, drop in ((21, False), (21, True), (16, True), (7, True))] == [3, 2, 2, 0]
