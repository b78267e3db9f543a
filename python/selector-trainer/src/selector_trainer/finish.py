"""What a training leaves: the trained model, its prior, its figures, and pairs to hold other forms of it against."""

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import torch

from .batches import Batches, scored
from .loop import Training
from .material import Group, Material
from .model import Student, longest, save
from .report import memory

#: Pairs whose logits are written down.
PAIRS = 200


def _groups(material: Material, seed: int) -> list[Group]:
    """Those that were not trained on go first."""
    random = Random(seed)
    return [group for part in (material.dev, material.train) for group in random.sample(part, len(part))]


def reference(model: Student, material: Material, batches: Batches, seed: int, wanted: int = PAIRS) -> list[dict[str, Any]]:
    """Logits of the encoder alone in full precision, group by group."""
    model.eval()
    precision, prior = model.precision, model.prior
    model.precision, model.prior = "fp32", None
    found: list[dict[str, Any]] = []
    count = 0
    with torch.inference_mode():
        for group in _groups(material, seed):
            passages = group.passages[: wanted - count]
            some = Group(group.id, group.query, passages)
            texts = [{"title": passage.title, "text": passage.text} for passage in passages]
            found.append({"query": group.query, "passages": texts, "logits": scored(model, some, batches)})
            count += len(passages)
            if count == wanted:
                break
    model.precision, model.prior = precision, prior
    return found


def linear(model: Student, material: Material) -> dict[str, Any] | None:
    if model.prior is None:
        return None
    prior = model.prior
    values = {name: getattr(prior, name).detach().cpu().tolist() for name in ("mean", "scale", "weights")}
    return {"features": list(material.features), **values}


def finish(training: Training, tokenizer: Any, own_head: bool) -> Path:
    """Folder `trained` beside the checkpoints; it is there when all of it is."""
    state, material, model, options = training.state, training.material, training.model, training.options
    folder, aside = options.out / "trained", options.out / "trained-aside"
    aside.mkdir(exist_ok=True)
    save(model.encoder, tokenizer, aside)
    seconds, pairs = state.seconds + training.rate.seconds, state.pairs + training.rate.pairs
    device = model.encoder.device
    training.batches.device = device
    values: dict[str, Any] = {
        "steps": state.step,
        "seconds": seconds,
        "rate": pairs / seconds,
        "memory": memory(),
        "loss": state.loss,
        "entropy": state.entropy,
        "best_step": state.best_step,
        "start": state.start or None,
        "evaluated": state.evaluated or None,
        "early": state.ended,
        "own_head": own_head,
        "precision": model.precision,
        "max_tokens": min(options.max_tokens, longest(model.encoder)),
        "linear": linear(model, material),
        "groups": len(material.train),
        "dev": len(material.dev),
        "seed": options.seed,
        "at": round(time.time() * 1000),
        "meaning": training.identity,
    }
    (aside / "parity.json").write_text(json.dumps(reference(model, material, training.batches, options.seed)))
    (aside / "summary.json").write_text(json.dumps(values, indent=2))
    aside.rename(folder)
    return folder
