"""Pairs of query and passage as token ids: the query is kept, the passage is cut at its end."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .material import Passage

#: Tokens that a passage keeps, whatever the length of the query; a quarter of the room where that is less.
LEAST = 16


def written(passage: Passage) -> str:
    """As a selector reads it."""
    return f"{passage.title}\n{passage.text}"


@dataclass(frozen=True)
class Lengths:
    #: Query, passage and special tokens together.
    all: int = 512
    query: int | None = None
    passage: int | None = None
    #: Batches are filled up to a multiple of it.
    multiple: int | None = None


@dataclass(frozen=True)
class Pair:
    ids: list[int]
    kinds: list[int]


class Pairs:
    """Pairs are tokenised once and kept: the same ones come again in each epoch."""

    def __init__(self, tokenizer: Any, lengths: Lengths, kinds: int) -> None:
        """`kinds` of tokens that the model tells apart; 0: it takes no token_type_ids."""
        self.backend, self.lengths, self.kinds = tokenizer.backend_tokenizer, lengths, kinds
        self.backend.no_padding()
        self.backend.no_truncation()
        self.padding = tokenizer.pad_token_id or 0
        self.special = self.backend.num_special_tokens_to_add(True)
        self.known: dict[tuple[str, str], Pair] = {}

    def pair(self, query: str, passage: Passage) -> Pair:
        """A query that would leave too little of the passages is cut, too: they must still differ."""
        text = written(passage)
        if (query, text) not in self.known:
            room = self.lengths.all - self.special
            first = self.backend.encode(query, add_special_tokens=False)
            first.truncate(min(room - min(LEAST, room // 4), self.lengths.query or room))
            second = self.backend.encode(text, add_special_tokens=False)
            second.truncate(min(room - len(first), self.lengths.passage or room))
            both = self.backend.post_process(first, second)
            kinds = [min(kind, max(self.kinds - 1, 0)) for kind in both.type_ids]
            self.known[query, text] = Pair(both.ids, kinds)
        return self.known[query, text]

    def batch(self, pairs: list[Pair], device: torch.device) -> dict[str, Tensor]:
        """[pairs, tokens], filled up at the end."""
        longest = max(len(pair.ids) for pair in pairs)
        if self.lengths.multiple:
            longest = -(-longest // self.lengths.multiple) * self.lengths.multiple

        def filled(rows: list[list[int]], fill: int) -> Tensor:
            return torch.tensor([row + [fill] * (longest - len(row)) for row in rows], device=device)

        inputs = {
            "input_ids": filled([pair.ids for pair in pairs], self.padding),
            "attention_mask": filled([[1] * len(pair.ids) for pair in pairs], 0),
        }
        if self.kinds:
            inputs["token_type_ids"] = filled([pair.kinds for pair in pairs], 0)
        return inputs
