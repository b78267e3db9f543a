"""The linear part of a score: Σ weight · (feature − mean) / scale, which the cross-encoder's logit is added to."""

from typing import Any

import torch
from torch import Tensor, nn

from . import Refused
from .material import Material


class Prior(nn.Module):
    """Its weights are learned with the rest, or stay as they began."""

    def __init__(self, mean: list[float], scale: list[float], weights: list[float], frozen: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float64))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64))
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float64), requires_grad=not frozen)

    def forward(self, features: Tensor) -> Tensor:
        """[…, features] → […], double precision: what a selector computes from the same numbers."""
        return ((features.double() - self.mean) / self.scale) @ self.weights


def _spread(material: Material) -> tuple[list[float], list[float]]:
    """Of the features over the passages trained on; a feature that is always the same has the scale 1."""
    rows = torch.tensor([p.features for group in material.train for p in group.passages], dtype=torch.float64)
    deviation = rows.std(0, correction=0)
    return rows.mean(0).tolist(), torch.where(deviation > 1e-12, deviation, 1.0).tolist()


def prior_of(material: Material, kind: str, frozen: bool) -> Prior | None:
    """`kind` as the option --prior says. Raises Refused where the material does not have it."""
    if kind == "none":
        return None
    if not material.features:
        raise Refused(f"--prior {kind} needs features, and the material has none")
    given: dict[str, Any] = (material.prior or {}) if kind == "material" else {}
    if kind == "material" and not given.get("weights"):
        raise Refused("--prior material needs 'prior' in material.json; --prior zero begins without")
    if kind == "zero" and frozen:
        raise Refused("--prior zero with --prior_frozen is no prior at all: leave both out")
    mean, scale = _spread(material)
    count = len(material.features)
    lists = [given.get("mean") or mean, given.get("scale") or scale, given.get("weights") or [0.0] * count]
    if any(len(each) != count for each in lists) or min(lists[1]) <= 0:
        raise Refused(f"prior in material.json must hold {count} numbers a list, and scales above 0")
    return Prior(*lists, frozen=frozen)
