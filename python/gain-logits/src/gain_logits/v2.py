"""The batch of vLLM's second model runner: requests by slot, steps by position, all known on the host.

A row's step is its sequence length less its prompt's: below 0 the prompt is not yet whole and the row means nothing;
from 0 on it is the row of that step even where a resumed request computes it again. Rows are therefore kept at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gain_logits.engine import Engine, Job


class Slots:
    """Follows the slots and answers for the rows in them. ``states``: vLLM's LogitsProcRequestState."""

    def __init__(self, engine: Engine, states):
        self.engine, self.states = engine, states
        self.jobs: dict[int, Job] = {}

    def add(self, slot, params):
        """Whether the request in this slot is one of ours. A slot's former request is forgotten here, not before."""
        self.jobs.pop(slot, None)
        job = self.engine.admit(params)
        if job is not None:
            self.jobs[slot] = job
        return job is not None

    def apply(self, logits, ctx):
        """Answers for this step, in place. One row is one request: speculative decoding is refused at start."""
        turns, places = [], {}
        for row, slot in enumerate(ctx.idx_mapping_np.tolist()[: logits.shape[0]]):
            job = self.jobs.get(slot)
            step = -1 if job is None else int(ctx.seq_lens_upper_bound_np[row]) - int(self.states.prompt_len.np[slot])
            if job is not None and 0 <= step < len(job.request.path):
                turns.append(self.engine.turn(job, row, step))
                places[row] = (job, step)
        for turn, kept in self.engine.answer(logits, turns):
            job, step = places[turn.row]
            self.engine.rows.put(job.request.address(step), kept)
        return logits
