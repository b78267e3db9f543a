"""Groups as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .material import Group
from .model import Student
from .pairs import Pairs
from .sampling import Drawn

#: Pairs that are scored at a time where no gradient is wanted.
SCORED = 32


@dataclass(frozen=True)
class Batch:
    inputs: dict[str, Tensor]
    #: [pairs, features], or none.
    features: Tensor | None
    #: Teacher scores and whether there is a passage, [groups, passages].
    scores: Tensor
    mask: Tensor

    def rows(self, flat: Tensor) -> Tensor:
        """[pairs] → [groups, passages]; 0 where there is none."""
        return torch.zeros(self.mask.shape, dtype=flat.dtype, device=flat.device).masked_scatter(self.mask, flat)


class Batches:
    def __init__(self, pairs: Pairs, featured: bool, device: torch.device) -> None:
        self.pairs, self.featured, self.device = pairs, featured, device

    def of(self, drawn: list[Drawn]) -> Batch:
        members = [[each.group.passages[i] for i in each.members] for each in drawn]
        longest = max(len(some) for some in members)
        scores = [[p.score for p in some] + [0.0] * (longest - len(some)) for some in members]
        mask = [[True] * len(some) + [False] * (longest - len(some)) for some in members]
        texts = [self.pairs.pair(each.group.query, p) for each, some in zip(drawn, members, strict=True) for p in some]
        rows = [p.features for some in members for p in some]
        return Batch(
            self.pairs.batch(texts, self.device),
            torch.tensor(rows, dtype=torch.float64, device=self.device) if self.featured else None,
            torch.tensor(scores, dtype=torch.float64, device=self.device),
            torch.tensor(mask, device=self.device),
        )


def scored(model: Student, group: Group, batches: Batches) -> list[float]:
    """Scores of all passages of a group, in their order; long ones are computed with long ones."""
    lengths = [len(batches.pairs.pair(group.query, passage).ids) for passage in group.passages]
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    found = [0.0] * len(order)
    for start in range(0, len(order), SCORED):
        some = order[start : start + SCORED]
        batch = batches.of([Drawn(group, tuple(some))])
        for i, value in zip(some, model(batch.inputs, batch.features).tolist(), strict=True):
            found[i] = value
    return found
