"""Which groups make a step, and which passages make a group. All of it follows from the seed alone, so that a training
that was cut off draws the same again without any state."""

from dataclasses import dataclass
from random import Random

from .material import Group


@dataclass(frozen=True)
class Drawn:
    """A group with the passages that take part in a step: the positive first."""

    group: Group
    members: tuple[int, ...]


def draw(group: Group, size: int, seed: int, epoch: int, repeat: bool = False) -> Drawn:
    """
    The positive and size − 1 of the others. Where there are fewer, each is taken once; with `repeat` they are taken
    again until the group is full, as the published trainer does.
    """
    rng = Random(f"{seed} {epoch} {group.id}")
    positive = group.positive
    others = [i for i in range(len(group.passages)) if i != positive]
    wanted = size - 1
    if len(others) >= wanted:
        negatives = rng.sample(others, wanted)
    elif repeat:
        negatives = rng.sample(others * -(-wanted // len(others)), wanted)
    else:
        negatives = rng.sample(others, len(others))
    return Drawn(group, (positive, *negatives))


def order(groups: list[Group], seed: int, epoch: int) -> list[Group]:
    """All of them in another order each epoch."""
    shuffled = list(groups)
    Random(f"{seed} {epoch}").shuffle(shuffled)
    return shuffled


def steps(groups: list[Group], batch: int, drop_last: bool) -> int:
    """Of an epoch; `batch` counts the groups of a step in all processes."""
    whole, rest = divmod(len(groups), batch)
    return whole + (rest > 0 and not drop_last)


def batch_of(groups: list[Group], batch: int, seed: int, epoch: int, index: int) -> list[Group]:
    """Groups of step `index` of an epoch, in all processes together."""
    return order(groups, seed, epoch)[index * batch : (index + 1) * batch]
