"""The arithmetic, over torch alone: values of many rows of one step, written into the logits as carriers.

Nothing here waits for a GPU: what the host knows goes over as one pinned copy for each group, and nothing comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gain_logits.wire import FLOOR, NO_NUMBER, SHIFT, carriers

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Elements of one temporary tensor (32 MiB of float32); about four of them live at once.
BUDGET = 2**23

PLAIN, PAPER, DIFFERENCE = "plain", "paper", "difference"


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What one row of the batch has to do in one step.

    ``said``: values known already (a description), or none at all (a base row that is missing). Otherwise the values
    of ``wanted`` are worked out; ``base`` is the row without passage ([vocabulary], float32 log-softmax).
    """

    row: int
    forced: int
    wanted: tuple[int, ...] = ()
    form: str = PLAIN
    alphas: tuple[float, ...] = ()
    base: torch.Tensor | None = None
    said: Sequence[float] | None = None
    keep: bool = False

    def columns(self):
        count = len(self.wanted) * (1 + len(self.alphas)) if self.said is None else len(self.said)
        return carriers(self.forced, count)


def log_rows(rows):
    """[R, V] log-softmax in float32. Masked tokens stand at FLOOR: minus infinity less minus infinity is no number."""
    return torch.log_softmax(rows.float(), dim=-1).clamp_min_(FLOOR)


def values(z, bases, which, at, tokens, form, alphas):
    """[N, 1 + A] values of N tokens: plain, then one for each alpha (``difference``: one).

    ``z`` [R, V] and ``bases`` [G, V] are rows of log-softmax; ``which`` [R] says which base belongs to which row
    (unused where there is one); ``at`` [N] and ``tokens`` [N] say whose value it is. Paper:
    log_softmax((1 + a) z - a b), from z + a (z - b), so that the difference is taken once for all alphas; alpha 0 is
    the plain value itself.
    """
    plain = z[at, tokens]
    if form == PLAIN:
        return plain[:, None]
    gap = z - (bases if bases.shape[0] == 1 else bases.index_select(0, which))
    mine = gap[at, tokens]
    if form == DIFFERENCE:
        return torch.stack((plain, mine - torch.logsumexp(gap, -1)[at]), 1)
    of = [plain if a == 0 else plain + a * mine - torch.logsumexp(torch.add(z, gap, alpha=a), -1)[at] for a in alphas]
    return torch.stack((plain, *of), 1)


def answer(logits, turns):
    """Writes the turns' values into ``logits`` [B, V] (float32, in place) and forces their tokens.

    Returns (turn, row) for every turn that keeps its row: float32 log-softmax, [V], owning its memory.
    """
    if not turns:
        return []
    kept, order, found = [], [], []
    for group in _groups(turns, logits.shape[1]):
        z, sent = _scored(logits, group)
        kept += [(turn, z[at].clone()) for at, turn in enumerate(group) if turn.keep]
        order += group
        found.append(sent.flatten())
    _write(logits, turns, order, found)
    return kept


def _groups(turns, vocabulary):
    """Turns whose values one pass gives: same form, same alphas, and not too many rows for the memory."""
    alike = {}
    for turn in turns:
        if turn.said is None:
            alike.setdefault((turn.form, turn.alphas), []).append(turn)
    most = max(1, BUDGET // vocabulary)
    return [group[at : at + most] for group in alike.values() for at in range(0, len(group), most)]


def _scored(logits, group):
    """(z [R, V], values [N, 1 + A]) of one group."""
    distinct = {id(turn.base): turn.base for turn in group if turn.base is not None}
    number = {base: at for at, base in enumerate(distinct)}
    at = [r for r, turn in enumerate(group) for _ in turn.wanted]
    tokens = [token for turn in group for token in turn.wanted]
    which = [number.get(id(turn.base), 0) for turn in group]
    rows, which, at, tokens = _sent(logits.device, [turn.row for turn in group], which, at, tokens)
    z = log_rows(logits.index_select(0, rows))
    bases = torch.stack(tuple(distinct.values())) if distinct else None
    return z, values(z, bases, which, at, tokens, group[0].form, group[0].alphas)


def _write(logits, turns, order, found):
    """Minus infinity everywhere, 0 at the forced token, the values at the carriers."""
    said = [turn for turn in turns if turn.said is not None]
    cells = [(turn.row, column) for turn in (*order, *said) for column in turn.columns()]
    known = torch.tensor([v for turn in said for v in turn.said], dtype=torch.float32)
    rows, forced, at, columns = _sent(
        logits.device, [t.row for t in turns], [t.forced for t in turns], [c[0] for c in cells], [c[1] for c in cells]
    )
    logits.index_fill_(0, rows, float("-inf"))
    # Single values go over as ready tensors: a Python number would be copied to the device, and waited for.
    logits.index_put_((rows, forced), logits.new_zeros(()))
    if cells:
        sent = torch.cat((*found, _over(known, logits.device))).clamp(FLOOR, 0.0)
        logits.index_put_((at, columns), torch.nan_to_num(sent, nan=NO_NUMBER) - SHIFT)


def _over(tensor, device):
    """To the device without waiting: from pinned memory where that is a CUDA device."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _sent(device, *lists):
    """Lists of integers as int64 tensors on the device, in one copy."""
    whole = _over(torch.tensor([number for part in lists for number in part], dtype=torch.int64), device)
    return whole.split([len(part) for part in lists])
