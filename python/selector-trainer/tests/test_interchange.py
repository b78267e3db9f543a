"""One step of other trainers on our groups, where they are installed: their files are ours, and so is the loss."""

import importlib.util
import json

import pytest
import torch

from conftest import base_at, groups_of
from selector_trainer.loss import divergences, entropies
from test_material import flag_embedding, sentence_transformers


def wants(package, why):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: {why}")


def test_a_step_of_sentence_transformers_with_the_same_loss(tmp_path):
    wants("sentence_transformers", "its step on our groups was not run")
    from sentence_transformers.cross_encoder import CrossEncoder
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    base = base_at(tmp_path / "base", labels=1, dropout=0.0)
    lines = [sentence_transformers(group) for group in groups_of(4)]
    (tmp_path / "groups.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lines = [json.loads(line) for line in (tmp_path / "groups.jsonl").read_text().splitlines()]
    model = CrossEncoder(str(base), num_labels=1, max_length=40, device="cpu")
    loss = ListNetLoss(model)
    labels = [torch.tensor(line["scores"]) for line in lines]
    inputs = [[line["query"] for line in lines], [line["docs"] for line in lines]]
    pairs = [[line["query"], doc] for line in lines for doc in line["docs"]]
    logits = torch.tensor(model.predict(pairs, activation_fn=torch.nn.Identity())).view(4, 6)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    before = loss(inputs, labels)
    before.backward()
    optimiser.step()
    model.eval()
    with torch.no_grad():
        after = loss(inputs, labels)
    mask = torch.ones(4, 6, dtype=torch.bool)
    ours = (divergences(logits, torch.stack(labels), mask) + entropies(torch.stack(labels), mask)).mean()
    assert before.item() == pytest.approx(ours.item(), rel=1e-3)
    assert after < before


def test_a_step_of_flag_embedding(tmp_path):
    wants("FlagEmbedding", "its step on our groups was not run")
    from FlagEmbedding.abc.finetune.reranker import AbsRerankerCollator, AbsRerankerDataArguments, AbsRerankerTrainDataset
    from FlagEmbedding.finetune.reranker.encoder_only.base.modeling import CrossEncoderModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    base = base_at(tmp_path / "base", labels=1, dropout=0.0)
    lines = [flag_embedding(group) for group in groups_of(4)]
    (tmp_path / "groups.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tokenizer = AutoTokenizer.from_pretrained(base)
    arguments = AbsRerankerDataArguments(
        train_data=[str(tmp_path / "groups.jsonl")], train_group_size=4, query_max_len=20, passage_max_len=20,
        pad_to_multiple_of=8, knowledge_distillation=True, cache_path=str(tmp_path / "cache"),
    )  # fmt: skip
    dataset = AbsRerankerTrainDataset(arguments, tokenizer)
    batch = AbsRerankerCollator(tokenizer, query_max_len=20, passage_max_len=20)([dataset[i] for i in range(4)])
    network = AutoModelForSequenceClassification.from_pretrained(base)
    model = CrossEncoderModel(network, tokenizer=tokenizer, train_batch_size=4)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    assert sorted(batch["teacher_scores"][::4]) == sorted(max(p["score"] for p in group["passages"]) for group in groups_of(4))
    before = model(**batch)
    before.loss.backward()
    optimiser.step()
    after = model(**batch)
    assert after.loss < before.loss
    # Theirs is a hard cross-entropy beside the teacher's: what remains without it is our loss and a constant.
    logits, teacher, mask = before.scores.view(4, 4), torch.tensor(batch["teacher_scores"]).view(4, 4), torch.ones(4, 4, dtype=torch.bool)
    hard = torch.nn.functional.cross_entropy(logits, torch.zeros(4, dtype=torch.long))
    ours = (divergences(logits, teacher, mask) + entropies(teacher, mask)).mean()
    assert (before.loss - hard).item() == pytest.approx(ours.item(), rel=1e-5)
