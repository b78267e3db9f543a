"""What a training can be told. Names of the published command's flags are taken, too (see flags.py)."""

import argparse
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from . import Refused


@dataclass(frozen=True)
class Options:
    material: Path
    #: Folder of checkpoints and metrics, and of what was trained at the end.
    out: Path
    base: str
    group_size: int = 16
    #: Groups of a step in one process, before accumulation.
    groups: int = 8
    accumulation: int = 1
    drop_last: bool = False
    epochs: int = 2
    learning_rate: float = 6e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    temperature: float = 1.0
    repeat: bool = False
    max_tokens: int = 512
    query_tokens: int | None = None
    passage_tokens: int | None = None
    pad_multiple: int | None = None
    seed: int = 0
    precision: str = "auto"
    checkpointing: bool = False
    evaluations: int = 2
    patience: int = 0
    log_steps: int = 1
    save_steps: int = 0
    prior: str = "none"
    prior_frozen: bool = False
    prior_rate: float = 0.01
    head: str = "auto"
    #: Left out of attention and hidden layers while training; none: as the base says.
    dropout: float | None = None
    processes: int = 1
    threads: int | None = None
    #: Groups that are in memory at a time; none: all of a step on a GPU, one on a CPU.
    at_once: int | None = None
    overwrite: bool = False
    #: Progress as lines of JSON on the standard output, for a program that reads it.
    events: bool = False
    #: Ends after so many steps, as if it had been cut off there.
    stop_after: int | None = None

    @property
    def step_groups(self) -> int:
        """Groups of a step in all processes."""
        return self.groups * self.accumulation * self.processes

    def meaning(self) -> dict[str, Any]:
        """What decides which weights come out: a training goes on from a checkpoint of the same alone."""
        aside = ("out", "overwrite", "events", "stop_after", "log_steps", "threads", "at_once", "save_steps", "material", "base")
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in aside}


#: Settings that belong together; what is given beside a preset goes before it.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "learning_rate": 6e-5,
        "epochs": 2,
        "groups": 8,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "group_size": 16,
        "max_tokens": 512,
        "temperature": 1.0,
    }
}

CHOICES = {
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "prior": ("none", "material", "zero"),
    "head": ("auto", "fresh"),
}

#: Smallest value that makes sense, by option.
LEAST = {
    "group_size": 2, "groups": 1, "accumulation": 1, "epochs": 1, "max_tokens": 16, "processes": 1, "threads": 1,
    "at_once": 1, "pad_multiple": 1, "query_tokens": 1, "passage_tokens": 1, "log_steps": 1, "save_steps": 0,
    "evaluations": 1, "patience": 0, "learning_rate": 0, "weight_decay": 0, "warmup": 0, "dropout": 0, "prior_rate": 0,
}  # fmt: skip


def boolean(text: str) -> bool:
    if text.lower() in ("true", "yes", "1"):
        return True
    if text.lower() in ("false", "no", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _kind(annotation: Any) -> Any:
    found = {bool: boolean, Path: Path, str: str}
    return found.get(annotation) or (int if "int" in str(annotation) else float)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise Refused(message)


def parser() -> Parser:
    from .flags import FLAGS

    made = Parser(prog="selector-trainer", description=__doc__, allow_abbrev=False)
    made.add_argument("--preset", choices=sorted(PRESETS))
    published = {flag.option: flag.name for flag in FLAGS if flag.direct}
    for each in fields(Options):
        names = [f"--{each.name}", *([published[each.name]] if each.name in published else [])]
        more: dict[str, Any] = {"type": _kind(each.type), "dest": each.name, "default": argparse.SUPPRESS}
        if each.type is bool:
            more |= {"nargs": "?", "const": True}
        made.add_argument(*names, choices=CHOICES.get(each.name), required=each.name in ("material", "out", "base"), **more)
    for flag in FLAGS:
        if not flag.direct:
            bare: dict[str, Any] = {"nargs": "?", "const": True, "type": boolean} if flag.bare else {"type": str}
            made.add_argument(flag.name, dest=f"published_{flag.name[2:]}", default=None, **bare)
    return made


def parse(arguments: list[str]) -> Options:
    """Raises Refused. Hyphens in names of options will do as well as underscores."""
    from .flags import translated

    plain = [a.split("=")[0].replace("-", "_") if a.startswith("--") else a for a in arguments]
    named = [
        ("--" + p[2:] if a.startswith("--") else a) + (a[a.index("=") :] if a.startswith("--") and "=" in a else "")
        for a, p in zip(arguments, plain, strict=True)
    ]
    named = ["--" + a[2:].lstrip("_") if a.startswith("--") else a for a in named]
    given = vars(parser().parse_args(named))
    preset = PRESETS.get(given.pop("preset", None) or "", {})
    options = Options(**{**preset, **translated(given)})
    for name, least in LEAST.items():
        value = getattr(options, name)
        if value is not None and (value < least or value != value):
            raise Refused(f"--{name} is {value}: it must be {least} or more")
    if options.warmup > 1 or options.temperature <= 0:
        raise Refused("--warmup must be a share of the steps (0 to 1), and --temperature above 0")
    return options


def shown(options: Options) -> str:
    return json.dumps(options.meaning(), sort_keys=True)
