"""What a selector would gain on queries that it is not trained on."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from .batches import Batches, scored
from .material import Group
from .model import Student
from .spread import Place, total


@dataclass(frozen=True)
class Gains:
    """Mean teacher scores of the passages that are chosen; ties keep retrieval order."""

    gain: float
    #: Of the first retrieved passages, and of the best ones.
    first: float
    oracle: float
    #: Share of the queries whose best passage is chosen.
    hits: float
    #: Share of the queries whose passages all have the same score.
    flat: float

    def values(self) -> dict[str, Any]:
        return asdict(self)


def chosen(scores: list[float]) -> int:
    return max(range(len(scores)), key=lambda i: (scores[i], -i))


def is_flat(scores: list[float]) -> bool:
    return max(scores) - min(scores) <= 1e-6


def evaluate(model: Student, groups: list[Group], batches: Batches, at: Place) -> Gains | None:
    """Over all passages of each group. None where there is no group."""
    if not groups:
        return None
    model.eval()
    sums = [0.0] * 5
    with torch.inference_mode():
        for group in groups[at.rank :: at.world]:
            scores = scored(model, group, batches)
            teacher = [passage.score for passage in group.passages]
            taken = chosen(scores)
            best = max(teacher)
            found = (teacher[taken], teacher[0], best, float(teacher[taken] == best), float(is_flat(scores)))
            sums = [a + b for a, b in zip(sums, found, strict=True)]
    model.train()
    return Gains(*(each / len(groups) for each in total(sums, at)))
