"""Rows of prompts without passage, bounded in bytes."""

import logging
import os
import time
from collections import OrderedDict

log = logging.getLogger("vllm.gain_logits")

BYTES = 512 * 2**20


def limit(vocabulary, environment=os.environ):
    """Bytes for rows, from GAIN_LOGITS_BYTES. Raises ValueError where that is no number or holds not even one row."""
    text = environment.get("GAIN_LOGITS_BYTES", str(BYTES))
    if not text.isdecimal():
        raise ValueError(f"GAIN_LOGITS_BYTES must be a number of bytes, not {text!r}")
    if int(text) < 4 * vocabulary:
        raise ValueError(f"GAIN_LOGITS_BYTES is {text}, but one row of this model takes {4 * vocabulary} bytes")
    return int(text)


class Rows:
    """Rows by address, at most ``limit`` bytes of them; the least recently used goes first.

    ``evicted`` counts rows that had to go, ``missing`` uses that found none; each is logged at most once in ``every``
    seconds, because a store that is too small evicts at every step.
    """

    def __init__(self, limit, clock=time.monotonic, every=60.0):
        self.limit, self.bytes, self.evicted, self.missing = limit, 0, 0, 0
        self._rows = OrderedDict()
        self._clock, self._every, self._said = clock, every, {}

    def __len__(self):
        return len(self._rows)

    def __contains__(self, address):
        return address in self._rows

    def put(self, address, row):
        """Keeps a row (a tensor that owns its memory) and lets go of others until all fit."""
        self._drop(address)
        self._rows[address] = row
        self.bytes += _size(row)
        while self.bytes > self.limit:
            self._drop(next(iter(self._rows)))
            self.evicted += 1
            self.say("evicted", f"{self.evicted} rows evicted so far: set GAIN_LOGITS_BYTES above {self.limit}")

    def get(self, address):
        """The row, or None. It becomes the most recently used."""
        row = self._rows.get(address)
        if row is not None:
            self._rows.move_to_end(address)
        return row

    def miss(self):
        """Counts a use whose row is not here (any more)."""
        self.missing += 1
        self.say("missing", f"{self.missing} uses so far found no row: their clients have to store it again")

    def _drop(self, address):
        row = self._rows.pop(address, None)
        if row is not None:
            self.bytes -= _size(row)

    def say(self, what, text):
        """Logs a warning, unless one of the same kind was logged less than ``every`` seconds ago."""
        now = self._clock()
        if now - self._said.get(what, -self._every) >= self._every:
            self._said[what] = now
            log.warning("gain-logits: %s", text)


def _size(row):
    return row.numel() * row.element_size()
