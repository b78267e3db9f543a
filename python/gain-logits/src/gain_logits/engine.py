"""What both runners share: requests become turns, turns become values, kept rows go into the store."""

from gain_logits.describe import describe
from gain_logits.parameters import parse
from gain_logits.rows import Rows, limit
from gain_logits.score import Turn, answer
from gain_logits.wire import chunk


class Job:
    """A request in the batch. ``text``: its description; ``lost``: a step that found no row, counted once."""

    __slots__ = ("lost", "request", "text", "usable")

    def __init__(self, request, usable, text):
        self.request, self.usable, self.text, self.lost = request, usable, text, -1


class Engine:
    """Rows and facts of one engine core. ``known``: what ``describe.facts`` gave."""

    def __init__(self, known, rows=None):
        self.known, self.vocabulary = known, known["vocab"]
        self.rows = Rows(limit(self.vocabulary)) if rows is None else rows

    def admit(self, params):
        """A job, or None for a request that is none of ours. ``params``: SamplingParams that passed ``check``."""
        request = parse(params.extra_args, params.max_tokens)
        if request is None:
            return None
        usable = request.highest_id() < self.vocabulary
        if not usable:  # an index past the end would take the engine down, on a GPU beyond repair
            self.rows.say("beyond", f"token id {request.highest_id()} is not in the vocabulary")
        return Job(request, usable, describe(self.known, self.rows) if request.op == "describe" else b"")

    def turn(self, job, row, step):
        """What batch row ``row`` does at ``step`` of its path."""
        request = job.request
        if not job.usable:
            return Turn(row, 0, said=())
        forced, wanted = request.path[step], request.wanted[step]
        if request.op == "describe":
            return Turn(row, forced, said=chunk(job.text, step))
        if request.op == "store":
            return Turn(row, forced, wanted, keep=True)
        base = self.rows.get(request.address(step))
        if base is None:
            if job.lost != step:  # a prompt in several chunks comes by several times
                job.lost = step
                self.rows.miss()
            return Turn(row, forced, said=())
        return Turn(row, forced, wanted, request.form, request.alphas, base)

    answer = staticmethod(answer)
