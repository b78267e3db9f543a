"""The batch of vLLM's first model runner: requests by batch index, steps by the length of their output.

Rows of a prompt that is not yet whole pass through ``apply`` too, and nothing tells them apart. So:

C1. A store's row of step s stays pending, and each further row of step s replaces it.
C2. It is committed when the output has grown past s: as step s + 1 begins, or as the request leaves.
C3. A request that leaves with no more than s output tokens takes its pending row along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gain_logits.engine import Engine, Job


@dataclass(slots=True, eq=False)
class Seat:
    """A job in the batch. ``out`` is vLLM's own list, which grows; under asynchronous scheduling it holds
    placeholders, so only its length means something."""

    job: Job
    out: list[int]
    pending: tuple[int, Any] | None = None


class Batch:
    """Follows the batch and answers for the rows in it."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.seats: dict[int, Seat] = {}

    def update(self, change):
        """Takes a BatchUpdate (or None): removed, then added, then moved."""
        if change is None:
            return
        for index in change.removed:
            self._leave(index)
        for index, params, _prompt, out in change.added:
            self._leave(index)  # an index that is used again is not among the removed ones
            job = self.engine.admit(params)
            if job is not None:
                self.seats[index] = Seat(job, out)
        for one, other, direction in change.moved:
            self._move(one, other, direction.name == "SWAP")

    def apply(self, logits):
        """Answers for this step, in place."""
        turns, seats = [], {}
        for index, seat in self.seats.items():
            self._commit(seat)
            step = len(seat.out)
            if index < logits.shape[0] and step < len(seat.job.request.path):
                turns.append(self.engine.turn(seat.job, index, step))
                seats[index] = seat
        for turn, row in self.engine.answer(logits, turns):
            seat = seats[turn.row]
            seat.pending = (len(seat.out), row)
        return logits

    def _commit(self, seat):
        if seat.pending is None:
            return
        step, row = seat.pending
        if len(seat.out) > step:
            self.engine.rows.put(seat.job.request.address(step), row)
            seat.pending = None

    def _leave(self, index):
        seat = self.seats.pop(index, None)
        if seat is not None:
            self._commit(seat)

    def _move(self, one, other, swap):
        first, second = self.seats.pop(one, None), self.seats.pop(other, None)
        if first is not None:
            self.seats[other] = first
        if second is not None and swap:
            self.seats[one] = second
        elif second is not None:
            self._commit(second)
