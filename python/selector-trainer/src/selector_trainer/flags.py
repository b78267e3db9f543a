"""The flags of the published training command, and which option of ours means the same."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import Refused


@dataclass(frozen=True)
class Flag:
    #: As the published command has it.
    name: str
    #: Of ours; the flag is taken as another name of it where `direct`.
    option: str
    meaning: str
    direct: bool = True
    #: It can stand without a value.
    bare: bool = False


FLAGS = (
    Flag("--train_group_size", "group_size", "passages of a group: the positive, and negatives drawn anew each epoch"),
    Flag("--knowledge_distillation", "", "always on: KL(teacher ‖ student) is the only loss; `False` is refused", False, True),
    Flag("--query_max_len", "query_tokens", "tokens of a query, at most; with --passage_max_len their sum bounds the pair"),
    Flag("--passage_max_len", "passage_tokens", "tokens of a passage, at most"),
    Flag("--pad_to_multiple_of", "pad_multiple", "batches are filled up to a multiple of so many tokens"),
    Flag("--learning_rate", "learning_rate", "highest learning rate"),
    Flag("--fp16", "precision", "`--precision fp16`", False, True),
    Flag("--bf16", "precision", "`--precision bf16`", False, True),
    Flag("--num_train_epochs", "epochs", "times that each group is seen"),
    Flag("--per_device_train_batch_size", "groups", "groups that a process takes at a time"),
    Flag("--gradient_accumulation_steps", "accumulation", "such batches before a step"),
    Flag("--dataloader_drop_last", "drop_last", "the last batch of an epoch is left out where it is not full"),
    Flag("--warmup_ratio", "warmup", "share of the steps in which the learning rate rises"),
    Flag("--gradient_checkpointing", "checkpointing", "activations are computed twice instead of kept"),
    Flag("--weight_decay", "weight_decay", "of AdamW, on matrices alone"),
    Flag("--logging_steps", "log_steps", "steps between two lines of metrics.jsonl"),
    Flag("--save_steps", "save_steps", "steps between two checkpoints"),
    Flag("--deepspeed", "", "precision and stage of that file are read; stages of ZeRO save memory and change no result, so "
         "that plain data-parallel training stands for each of them", False),
    Flag("--nproc_per_node", "processes", "processes, through torchrun"),
    Flag("--overwrite_output_dir", "overwrite", "what stands in the folder is thrown away"),
    Flag("--model_name_or_path", "base", "model to start from: a folder or a name on the hub"),
    Flag("--train_data", "material", "a folder of training material, or a JSONL file of FlagEmbedding's or sentence-transformers' form"),
    Flag("--output_dir", "out", "folder of checkpoints, metrics and the trained model"),
    Flag("--cache_dir", "", "taken and not used: models are fetched into HF_HOME", False),
    Flag("--cache_path", "", "taken and not used: nothing is cached on disk", False),
)  # fmt: skip


def _of_deepspeed(file: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(file).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"--deepspeed: {file} cannot be read ({error})") from None
    on = {kind for kind in ("fp16", "bf16") if isinstance(found.get(kind), dict) and found[kind].get("enabled") is True}
    return {"precision": min(on)} if on else {}


def translated(given: dict[str, Any]) -> dict[str, Any]:
    """Options out of what was given under either name. An option of ours goes before what a flag means."""
    published = {name[10:]: value for name, value in given.items() if name.startswith("published_")}
    ours = {name: value for name, value in given.items() if not name.startswith("published_")}
    if published.get("knowledge_distillation") is False:
        raise Refused("--knowledge_distillation False: the teacher's scores are all that is trained on here; leave it out")
    meant: dict[str, Any] = {}
    if published.get("deepspeed"):
        meant |= _of_deepspeed(published["deepspeed"])
    meant |= {"precision": kind for kind in ("bf16", "fp16") if published.get(kind)}
    if ours.get("query_tokens") and ours.get("passage_tokens"):
        meant["max_tokens"] = ours["query_tokens"] + ours["passage_tokens"]
    return {**meant, **ours}


def table() -> str:
    """For the manual, in Markdown."""
    rows = [
        f"| `{flag.name}` | {f'`--{flag.option}`' if flag.option else '–'} | {flag.meaning} |" for flag in FLAGS
    ]
    return "\n".join(["| published flag | option | meaning |", "|---|---|---|", *rows])
