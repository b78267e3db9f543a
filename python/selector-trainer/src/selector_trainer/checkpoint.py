"""Checkpoints: folders that are there whole or not at all, from which a training goes on as if it had not stopped."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from . import Refused

KEPT = 2


def folders(work: Path) -> list[Path]:
    """Oldest first."""
    found = [each for each in work.glob("step-*") if each.name[5:].isdigit()]
    return sorted(found, key=lambda each: int(each.name[5:]))


def _on_disk(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Those that are the same tensor under two names are written under each."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def write(work: Path, step: int, model: nn.Module, optimiser: torch.optim.Optimizer, state: dict[str, Any],
          best: dict[str, torch.Tensor] | None) -> None:  # fmt: skip
    aside, folder = work / f"aside-{step}", work / f"step-{step}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file(tensors(model), aside / "model.safetensors")
    if best is not None:
        save_file(best, aside / "best.safetensors")
    torch.save(optimiser.state_dict(), aside / "optimiser.pt")
    (aside / "state.json").write_text(json.dumps({"step": step, **state}))
    _on_disk(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    for old in folders(work)[:-KEPT]:
        shutil.rmtree(old)


def read(work: Path, meaning: str, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[dict[str, Any], Any] | None:
    """
    Sets model and optimiser as they were. Returns what stood beside them and the best weights so far; None where there
    is no checkpoint. Raises Refused for one of another training.
    """
    if not (found := folders(work)):
        return None
    folder = found[-1]
    state = json.loads((folder / "state.json").read_text())
    if state["meaning"] != meaning:
        raise Refused(
            f"{folder} is a checkpoint of another training (options, material or base differ): name another folder, or "
            "throw it away with --overwrite"
        )
    model.load_state_dict(load_file(folder / "model.safetensors"))
    optimiser.load_state_dict(torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu"))
    best = folder / "best.safetensors"
    return state, load_file(best) if best.exists() else None
