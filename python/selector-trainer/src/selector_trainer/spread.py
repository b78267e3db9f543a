"""Several processes, each with its share of a step: torchrun starts them, gradients are summed."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as distributed
from torch import nn


@dataclass(frozen=True)
class Place:
    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0


def place() -> Place:
    """Joins the others where torchrun started this process."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return Place(rank, world, device)


def leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def sum_gradients(parameters: Iterable[nn.Parameter], at: Place) -> None:
    """Each process has the gradient of its groups' share of the mean: the sum is the gradient of the whole step."""
    if at.world == 1:
        return
    by_kind: dict[torch.dtype, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            by_kind.setdefault(parameter.dtype, []).append(parameter)
    for some in by_kind.values():
        flat = torch.cat([parameter.grad.reshape(-1) for parameter in some])
        distributed.all_reduce(flat)
        for parameter, part in zip(some, flat.split([p.numel() for p in some]), strict=True):
            parameter.grad.copy_(part.view_as(parameter))


def total(values: list[float], at: Place) -> list[float]:
    """Sums over all processes."""
    if at.world == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64, device=at.device)
    distributed.all_reduce(tensor)
    return tensor.tolist()


def together(at: Place, value: Any = None) -> Any:
    """Waits for all; the first one's value is everyone's."""
    if at.world == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def launch(processes: int, arguments: list[str]) -> None:
    """Becomes torchrun, which starts this program again so many times."""
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes), "-m", "selector_trainer"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *module, *arguments])
