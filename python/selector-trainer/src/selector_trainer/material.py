"""Training material: groups.jsonl, a line a query, and material.json, which says what it is made of."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import Refused


@dataclass(frozen=True)
class Passage:
    title: str
    text: str
    #: Teacher score, −ln(perplexity + 1); higher is better.
    score: float
    #: In the order of the material's features.
    features: tuple[float, ...] = ()


@dataclass(frozen=True)
class Group:
    """A query with its passages in retrieval order."""

    id: str
    query: str
    passages: tuple[Passage, ...]

    @property
    def positive(self) -> int:
        """The passage with the highest score; the earlier one of equals."""
        return max(range(len(self.passages)), key=lambda i: (self.passages[i].score, -i))


@dataclass(frozen=True)
class Material:
    train: list[Group]
    dev: list[Group]
    features: tuple[str, ...] = ()
    #: Where the retrieval prior begins: {"weights": […], "mean": […], "scale": […]}; the last two may be absent.
    prior: dict[str, list[float]] | None = None
    trained: dict[str, Any] = field(default_factory=dict)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{where} must be a finite number")
    return float(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{where} must be a text")
    return value


def _passage(value: Any, where: str, features: int) -> Passage:
    if not isinstance(value, dict):
        raise Refused(f"{where} must be an object")
    row = value.get("features", [])
    if not isinstance(row, list) or len(row) != features:
        raise Refused(f"{where}.features must hold {features} numbers, as material.json names them")
    return Passage(
        title=_text(value.get("title", ""), f"{where}.title"),
        text=_text(value.get("text"), f"{where}.text"),
        score=_number(value.get("score"), f"{where}.score"),
        features=tuple(_number(x, f"{where}.features[{i}]") for i, x in enumerate(row)),
    )


def _group(line: str, where: str, features: int) -> Group:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise Refused(f"{where} is no JSON ({error})") from None
    if not isinstance(value, dict) or not isinstance(value.get("passages"), list):
        raise Refused(f"{where} is no group: it lacks the list 'passages'")
    passages = [_passage(each, f"{where}, passages[{i}]", features) for i, each in enumerate(value["passages"])]
    if len(passages) < 2:
        raise Refused(f"{where} has {len(passages)} passage(s): a group needs two")
    id = _text(value.get("id"), f"{where}.id")
    return Group(id=id, query=_text(value.get("query"), f"{where}.query"), passages=tuple(passages))


def _described(folder: Path) -> dict[str, Any]:
    file = folder / "material.json"
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{file} cannot be read ({error}): name a folder of training material") from None
    if not isinstance(found, dict):
        raise Refused(f"{file} must hold an object")
    return found


def read(folder: Path) -> Material:
    """Groups of neither part of the split are left alone. Raises Refused with file, line and field."""
    described = _described(folder)
    features = tuple(described.get("features", ()))
    file = folder / "groups.jsonl"
    groups: dict[str, Group] = {}
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    group = _group(line, f"{file}:{number}", len(features))
                    if group.id in groups:
                        raise Refused(f"{file}:{number} has the id {group.id!r}, as an earlier line does")
                    groups[group.id] = group
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error})") from None
    train, dev = (_part(described, name, groups, folder) for name in ("train", "dev"))
    if not train:
        raise Refused(f"{folder} has no group to train on")
    if both := {group.id for group in train} & {group.id for group in dev}:
        raise Refused(f"{folder}/material.json has {len(both)} queries in both parts of the split, e.g. {min(both)!r}")
    return Material(train, dev, features, described.get("prior"), described.get("trained", {}))


def _part(described: dict[str, Any], name: str, groups: dict[str, Group], folder: Path) -> list[Group]:
    ids = described.get("split", {}).get(name, [])
    if missing := [id for id in ids if id not in groups]:
        raise Refused(f"{folder}/groups.jsonl lacks {len(missing)} queries of split.{name}, e.g. {missing[0]!r}")
    return [groups[id] for id in ids]
