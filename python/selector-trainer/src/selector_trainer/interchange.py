"""Groups in the formats of other trainers: FlagEmbedding's reranker JSONL and that of sentence-transformers' list losses."""

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

from . import Refused
from .material import Group, Material, Passage, read

#: Share of the queries that are held back where a file says nothing of it.
DEV = 0.1


def _passage(text: Any, score: Any, where: str) -> Passage:
    """Title and text are one in these formats: title, line end, text."""
    if not isinstance(text, str) or isinstance(score, bool) or not isinstance(score, (int, float)):
        raise Refused(f"{where} must be texts with as many scores")
    title, end, rest = text.partition("\n")
    return Passage(title, rest, float(score)) if end else Passage("", text, float(score))


def _lists(value: dict[str, Any], where: str) -> tuple[list[Any], list[Any]]:
    if "docs" in value:
        texts, scores = value["docs"], value.get("scores")
    elif "pos" in value and "neg" in value:
        texts = [*value["pos"], *value["neg"]]
        scores = [*value.get("pos_scores", []), *value.get("neg_scores", [])]
    else:
        raise Refused(f"{where} has neither docs and scores nor pos, neg, pos_scores and neg_scores")
    if not isinstance(texts, list) or not isinstance(scores, list) or len(texts) != len(scores):
        raise Refused(f"{where} must have a teacher score for each passage")
    return texts, scores


def group_of(value: Any, where: str) -> Group:
    """A line of either format. Its id follows from the query."""
    if not isinstance(value, dict) or not isinstance(value.get("query"), str):
        raise Refused(f"{where} has no query")
    texts, scores = _lists(value, where)
    passages = [_passage(text, score, f"{where}, passage {i + 1}") for i, (text, score) in enumerate(zip(texts, scores, strict=True))]
    if len(passages) < 2:
        raise Refused(f"{where} has {len(passages)} passage(s): a group needs two")
    id = hashlib.sha256(f"{value['query']}\n{where.rpartition(':')[2]}".encode()).hexdigest()[:16]
    return Group(id, value["query"], tuple(passages))


def read_file(file: Path, dev: float = DEV, seed: int = 0) -> Material:
    """Queries of the same wording are in the same part of the split."""
    groups: list[Group] = []
    try:
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if line.strip():
                groups.append(group_of(json.loads(line), f"{file}:{number}"))
    except (OSError, ValueError) as error:
        raise Refused(f"{file} cannot be read ({error})") from None
    wordings = sorted({group.query for group in groups})
    Random(seed).shuffle(wordings)
    held = set(wordings[: round(len(wordings) * dev)])
    train = [group for group in groups if group.query not in held]
    if not train:
        raise Refused(f"{file} has no group to train on")
    return Material(train, [group for group in groups if group.query in held])


def read_any(path: Path) -> Material:
    """A folder of training material, or a file of another trainer."""
    return read_file(path) if path.is_file() else read(path)


def write(material: Material, folder: Path) -> None:
    """As a folder of training material."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "groups.jsonl").open("w", encoding="utf-8") as file:
        for group in (*material.train, *material.dev):
            passages = [
                {"id": f"{group.id}-{i}", "title": p.title, "text": p.text, "score": p.score, "rank": i + 1, "features": list(p.features)}
                for i, p in enumerate(group.passages)
            ]
            line = {"id": group.id, "query": group.query, "passages": passages}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    split = {"train": [g.id for g in material.train], "dev": [g.id for g in material.dev]}
    described = {"features": list(material.features), "groups": len(material.train) + len(material.dev), "split": split}
    (folder / "material.json").write_text(json.dumps({**described, "prior": material.prior, "trained": material.trained}))
