"""A base of two small layers with its own tokenizer, so that whole trainings last seconds."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

SOURCE = Path(__file__).parent.parent / "src"
TOPICS = ("copper", "violin", "rain", "bread", "comet", "canal", "honey", "river", "glacier", "opera")
FILLERS = [f"word{i}" for i in range(60)]


def base_at(folder, kind="bert", labels=2, dropout=0.1, seed=0):
    """A model of this kind with random weights; with one label it has a head of its own."""
    from selector_trainer import quiet  # noqa: F401
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = {word: i for i, word in enumerate([*special, *TOPICS, *FILLERS, "what", "is", "used", "for", "?", "useful"])}
    backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    ids = [("[CLS]", 2), ("[SEP]", 3)]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=backend, **named).save_pretrained(folder)
    sizes = dict(vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                 max_position_embeddings=130, pad_token_id=0, num_labels=labels, hidden_dropout_prob=dropout,
                 attention_probs_dropout_prob=dropout)  # fmt: skip
    if kind == "distilbert":
        sizes |= dict(dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **sizes)
    made = (AutoModelForSequenceClassification if labels == 1 else AutoModel).from_config(config)
    made.save_pretrained(folder)
    return folder


def groups_of(count, passages=6, seed=1):
    """The best passage of a group says that it is useful; its rank says nothing."""
    random = Random(seed)
    groups = []
    for n in range(count):
        topic = TOPICS[n % len(TOPICS)]
        right = random.randrange(passages)
        made = []
        for i in range(passages):
            about = topic if i == right else random.choice([t for t in TOPICS if t != topic])
            nll = random.gauss(0.3 if i == right else 4, 0.2)
            made.append({
                "id": f"p{n}-{i}", "title": about, "text": " ".join(["useful"] * 3 * (i == right) + random.choices(FILLERS, k=random.randint(4, 12))),
                "score": -math.log(1 + math.exp(nll)), "rank": i + 1, "features": [1 / (i + 1), random.random()],
            })  # fmt: skip
        groups.append({"id": f"q{n}", "query": f"what is {topic} used for ?", "passages": made})
    return groups


def material_at(folder, groups, dev=8, **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "groups.jsonl").write_text("".join(json.dumps(group) + "\n" for group in groups))
    ids = [group["id"] for group in groups]
    split = {"train": ids[: len(ids) - dev], "dev": ids[len(ids) - dev :]}
    described = {"features": ["reciprocal_rank", "noise"], "groups": len(groups), "split": split, **more}
    (folder / "material.json").write_text(json.dumps(described))
    return folder


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]), "OMP_NUM_THREADS": "1"}


def command(*arguments):
    return [sys.executable, "-m", "selector_trainer", *map(str, arguments)]


def ran(*arguments, check=True):
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=environment(), timeout=300)
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return base_at(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    return material_at(tmp_path_factory.mktemp("material"), groups_of(40))
