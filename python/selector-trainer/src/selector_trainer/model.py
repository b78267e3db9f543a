"""The student: an encoder with a head of one logit, and the prior beside it."""

import contextlib
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import Refused, quiet  # noqa: F401
from .prior import Prior
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer  # noqa: E402

HEADS = ("classifier", "score", "head")


def _reason(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300]


class Student(nn.Module):
    def __init__(self, encoder: nn.Module, prior: Prior | None, precision: str) -> None:
        super().__init__()
        self.encoder, self.prior, self.precision = encoder, prior, precision

    def forward(self, inputs: dict[str, Tensor], features: Tensor | None) -> Tensor:
        """Scores of pairs, [pairs], double precision."""
        device = inputs["input_ids"].device.type
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision)
        with torch.autocast(device, kind) if kind else contextlib.nullcontext():
            logits = self.encoder(**inputs).logits[:, 0]
        scores = logits.double()
        return scores if self.prior is None or features is None else scores + self.prior(features)


def _in_full(head: nn.Module) -> None:
    """The head computes in full precision: eight bits of a logit would make equals of different passages."""
    inner = head.forward

    def forward(hidden: Tensor, *more: Any, **named: Any) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            return inner(hidden.float(), *more, **named)

    head.forward = forward


def _last(head: nn.Module) -> nn.Linear:
    return [module for module in head.modules() if isinstance(module, nn.Linear)][-1]


def _settings(config: Any, dropout: float | None) -> None:
    config.num_labels = 1
    config.problem_type = None
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout", "attention_dropout",
                 "seq_classif_dropout"):  # fmt: skip
        if dropout is not None and hasattr(config, name):
            setattr(config, name, dropout)


def load(base: str, dropout: float | None = None) -> tuple[Any, Any, bool]:
    """
    Encoder and tokenizer of a folder or a name on the hub, and whether its head is its own (else it is a new one).
    Raises Refused with what Transformers complains of.
    """
    local = os.path.isdir(base)
    try:
        config = AutoConfig.from_pretrained(base, local_files_only=local)
        heads = getattr(config, "architectures", None) or []
        labels = config.num_labels
        _settings(config, dropout)
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=local)
        encoder, found = AutoModelForSequenceClassification.from_pretrained(
            base, config=config, local_files_only=local, dtype=torch.float32, output_loading_info=True,
            ignore_mismatched_sizes=True,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise Refused(f"{base} cannot be loaded as a model to train ({_reason(error)})") from None
    lost = [name for name in found["missing_keys"] if name.split(".")[0] not in HEADS and "pooler" not in name]
    if lost:
        raise Refused(f"{base} lacks the weights {lost[0]} and {len(lost) - 1} more: is it an encoder of Transformers?")
    own = any("SequenceClassification" in each for each in heads) and labels == 1 and not found["missing_keys"]
    return encoder, tokenizer, own


def _head(encoder: nn.Module) -> nn.Module:
    for name in HEADS:
        if isinstance(getattr(encoder, name, None), nn.Module):
            return getattr(encoder, name)
    raise Refused("the base has a head that is not known: 'classifier' is missing")


def kinds_of(encoder: Any) -> int:
    """Of tokens that the model tells apart; 0 where it takes no token_type_ids."""
    return encoder.config.type_vocab_size if hasattr(encoder.config, "type_vocab_size") and encoder.config.model_type not in (
        "distilbert", "mpnet") else 0  # fmt: skip


def student(base: str, prior: Prior | None, precision: str, head: str, seed: int, dropout: float | None = None,
            checkpointing: bool = False) -> tuple[Student, Any, bool]:  # fmt: skip
    """A new head follows from the seed. Beside a prior its last layer begins at 0: the prior alone decides at first."""
    torch.manual_seed(seed)
    encoder, tokenizer, own = load(base, dropout)
    last = _last(_head(encoder))
    own = own and head == "auto"
    if not own:
        nn.init.normal_(last.weight, std=0.0 if prior is not None else 0.02)
        nn.init.zeros_(last.bias)
    if checkpointing:
        encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    _in_full(_head(encoder))
    return Student(encoder, prior, precision), tokenizer, own


def longest(encoder: Any) -> int:
    """Tokens that the model's positions reach to."""
    config = encoder.config
    most = getattr(config, "max_position_embeddings", 512)
    shifted = config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl")
    return most - (config.pad_token_id or 1) - 1 if shifted else most


def save(encoder: Any, tokenizer: Any, folder: Path) -> None:
    """As Transformers, sentence-transformers and FlagEmbedding read it."""
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
