"""The training itself: plain steps of AdamW, each of which follows from the seed and its number alone."""

import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import Refused, checkpoint
from .batches import Batches
from .evaluate import Gains, evaluate, is_flat
from .loss import divergences, entropies
from .material import Group, Material
from .model import Student
from .options import Options
from .report import Rate, Report, clock, memory
from .sampling import batch_of, draw, steps
from .spread import Place, sum_gradients, total

#: Share of groups of which all scores are equal, at and above which the output has collapsed.
COLLAPSED = 0.5
LONGEST_GRADIENT = 1.0


@dataclass
class State:
    """What a checkpoint holds beside tensors."""

    step: int = 0
    #: Best evaluation so far, and how many came after it.
    best: float | None = None
    best_step: int = 0
    worse: int = 0
    ended: bool = False
    collapses: int = 0
    loss: float = 0.0
    entropy: float = 0.0
    seconds: float = 0.0
    pairs: int = 0
    evaluated: dict[str, Any] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)


def optimiser_of(model: Student, options: Options) -> torch.optim.AdamW:
    """Biases, norms and the prior know no decay; the prior learns at a rate of its own."""
    named = [(name, p) for name, p in model.encoder.named_parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for _, p in named if p.ndim > 1], "weight_decay": options.weight_decay, "peak": options.learning_rate},
        {"params": [p for _, p in named if p.ndim <= 1], "weight_decay": 0.0, "peak": options.learning_rate},
    ]
    if model.prior is not None and model.prior.weights.requires_grad:
        groups.append({"params": [model.prior.weights], "weight_decay": 0.0, "peak": options.prior_rate})
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.999), eps=1e-8)


def share_of_rate(step: int, all: int, warmup: float) -> float:
    """Of the highest learning rate, in step `step` (from 0) of `all`: up in the warm-up, then down to 0 in a line."""
    rising = math.ceil(all * warmup)
    return (step + 1) / rising if step < rising else (all - step) / max(all - rising, 1)


class Training:
    def __init__(self, options: Options, material: Material, model: Student, batches: Batches, at: Place, report: Report,
                 identity: str) -> None:  # fmt: skip
        self.options, self.material, self.model, self.batches = options, material, model, batches
        self.at, self.report, self.identity = at, report, identity
        self.work: Path = options.out
        self.state, self.best = State(), None
        self.optimiser = optimiser_of(model, options)
        self.scaler = torch.amp.GradScaler(at.device.type, enabled=model.precision == "fp16" and at.device.type == "cuda")
        self.per_epoch = steps(material.train, options.step_groups, options.drop_last)
        self.all = self.per_epoch * options.epochs
        if self.all == 0:
            raise Refused(f"{len(material.train)} groups do not fill one step of {options.step_groups}: leave --drop_last out")
        self.rate = Rate()
        self.parameters = [p for group in self.optimiser.param_groups for p in group["params"]]

    def resume(self) -> bool:
        found = checkpoint.read(self.work, self.identity, self.model, self.optimiser)
        if found is None:
            return False
        state, self.best = found
        self.state = State(**{name: state[name] for name in vars(self.state) if name in state})
        if "scaler" in state and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.report.rewind(self.state.step)
        return True

    def save(self) -> None:
        if self.at.first:
            state = {**vars(self.state), "meaning": self.identity, "scaler": self.scaler.state_dict()}
            state["seconds"] += self.rate.seconds
            state["pairs"] += self.rate.pairs
            checkpoint.write(self.work, self.state.step, self.model, self.optimiser, state, self.best)

    def look(self) -> Gains | None:
        """On the development split; the weights of the best look are kept."""
        began = self.rate.seconds
        gains = evaluate(self.model, self.material.dev, self.batches, self.at)
        self.rate.aside += self.rate.seconds - began
        state = self.state
        if gains is None:
            return None
        if state.step == 0:
            state.start = gains.values()
        elif state.best is None or gains.gain > state.best:
            state.best, state.best_step, state.worse = gains.gain, state.step, 0
            self.best = checkpoint.tensors(self.model)
        else:
            state.worse += 1
        state.evaluated = gains.values() if state.best_step == state.step else state.evaluated
        best = state.best_step == state.step and state.step > 0
        self.report.write(step=state.step, best=best, **gains.values())
        self.report.event("evaluation", step=state.step, best=best, **gains.values())
        self.report.line(
            f"step {state.step}: expected gain {gains.gain:.4f} (first retrieved {gains.first:.4f}, best {gains.oracle:.4f})"
        )
        return gains

    def gradients(self, groups: list[Group], epoch: int) -> dict[str, float]:
        """Of the mean loss over the groups of a step, summed over all processes. Returns sums over this step."""
        options, mine = self.options, groups[self.at.rank :: self.at.world]
        at_once = options.at_once or (options.groups if self.at.device.type == "cuda" else 1)
        sums = [0.0, 0.0, 0.0, 0.0]
        for start in range(0, len(mine), at_once):
            torch.manual_seed(zlib.crc32(f"{options.seed} {self.state.step} {self.at.rank} {start}".encode()))
            drawn = [draw(g, options.group_size, options.seed, epoch, options.repeat) for g in mine[start : start + at_once]]
            batch = self.batches.of(drawn)
            scores = batch.rows(self.model(batch.inputs, batch.features))
            losses = divergences(scores, batch.scores, batch.mask, options.temperature)
            self.scaler.scale(losses.sum() / len(groups)).backward()
            flat = sum(is_flat(row[: len(each.members)]) for row, each in zip(scores.tolist(), drawn, strict=True))
            entropy = entropies(batch.scores, batch.mask, options.temperature).sum().item()
            found = (losses.sum().item(), entropy, float(batch.mask.sum().item()), float(flat))
            sums = [a + b for a, b in zip(sums, found, strict=True)]
        sum_gradients(self.parameters, self.at)
        loss, entropy, pairs, flat = total(sums, self.at)
        return {"loss": loss / len(groups), "entropy": entropy / len(groups), "pairs": pairs, "flat": flat / len(groups)}

    def step(self) -> dict[str, float]:
        epoch, index = divmod(self.state.step, self.per_epoch)
        groups = batch_of(self.material.train, self.options.step_groups, self.options.seed, epoch, index)
        share = share_of_rate(self.state.step, self.all, self.options.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * share
        self.optimiser.zero_grad(set_to_none=True)
        found = self.gradients(groups, epoch)
        if not math.isfinite(found["loss"]):
            raise Refused(f"the loss of step {self.state.step + 1} is no number: lower --learning_rate, or --precision fp32")
        self.scaler.unscale_(self.optimiser)
        found["gradient"] = float(nn.utils.clip_grad_norm_(self.parameters, LONGEST_GRADIENT))
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.state.step += 1
        self.rate.add(int(found["pairs"]))
        self.state.loss, self.state.entropy = found["loss"], found["entropy"]
        self.tell(found, epoch, share)
        return found

    def tell(self, found: dict[str, float], epoch: int, share: float) -> None:
        step, speed, left = self.state.step, self.rate.pairs_per_second, self.rate.left(self.all - self.state.step)
        if step % self.options.log_steps == 0 or step == self.all:
            rate = self.options.learning_rate * share
            self.report.write(step=step, epoch=epoch, learning_rate=rate, pairs_per_second=speed, memory=memory(), **found)
        self.report.event("training", step=step, steps=self.all, loss=found["loss"], rate=speed, left=left)
        words = f"step {step}/{self.all}, loss {found['loss']:.4f}, {speed:.1f} pairs/s, {clock(left)} left"
        self.report.line(words, passing=True)

    def watch(self, flat: float) -> None:
        """All scores of a group equal: it is no selector. Once is an alarm, three times in a row an end."""
        begun = self.state.step > max(1, math.ceil(self.all * self.options.warmup))  # a new head knows nothing at first
        collapsed = flat >= COLLAPSED and begun
        self.state.collapses = self.state.collapses + 1 if collapsed else 0
        if collapsed:
            self.report.alarm(f"in {flat:.0%} of the groups all scores are equal: the output has collapsed", self.state.step)
        if self.state.collapses == 3:
            raise Refused("the output has collapsed, all scores are equal: lower --learning_rate or train with more warm-up")

    def due(self) -> bool:
        """Looks are spread evenly over each epoch; the last one is at its end."""
        index = (self.state.step - 1) % self.per_epoch + 1
        looks = min(self.options.evaluations, self.per_epoch)
        return any(index == math.ceil(self.per_epoch * (i + 1) / looks) for i in range(looks))

    def run(self) -> None:
        if self.state.step == 0:
            self.look()
        while self.state.step < self.all and not self.state.ended:
            found = self.step()
            self.watch(found["flat"])
            due = self.due()
            if due and (gains := self.look()) is not None:
                self.watch(gains.flat)
                self.state.ended = 0 < self.options.patience <= self.state.worse
            if due or (self.options.save_steps and self.state.step % self.options.save_steps == 0):
                self.save()
            if self.options.stop_after == self.state.step:
                return
        if self.best is not None:
            self.model.load_state_dict(self.best)
