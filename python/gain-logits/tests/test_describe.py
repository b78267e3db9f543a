"""What a server says of itself."""

import json
from types import SimpleNamespace

import pytest

from gain_logits.describe import describe, facts, fingerprint, revision
from gain_logits.rows import Rows
from gain_logits.wire import chunk

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def configured(model, revision=None, commit=None):
    config = SimpleNamespace(
        model=str(model),
        revision=revision,
        dtype="torch.bfloat16",
        max_model_len=1024,
        hf_config=SimpleNamespace(_commit_hash=commit),
        get_vocab_size=lambda: 49152,
    )
    return SimpleNamespace(model_config=config, cache_config=SimpleNamespace(block_size=32))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-1.safetensors").write_bytes(bytes(200_000))
    (tmp_path / "model-2.safetensors").write_bytes(b"short")
    (tmp_path / "README.md").write_text("of no weight")
    return tmp_path


def test_the_fields_are_those_of_the_protocol(folder):
    text = describe(facts(configured(folder), "v1", "0.32.0"), Rows(1000))
    told = json.loads(text)
    assert list(told) == (
        "protocol plugin runner vllm model revision dtype vocab block context rows bytes limit evicted missing".split()
    )
    assert (told["protocol"], told["plugin"], told["dtype"], told["block"]) == (1, "0.1.0", "bfloat16", 32)
    assert (told["rows"], told["bytes"], told["limit"], told["evicted"], told["missing"]) == (0, 0, 1000, 0, 0)


def test_a_description_can_be_put_together_from_its_steps():
    text = describe({"model": "Modèle/ü" * 40}, Rows(1))
    steps = [value for step in range(7) for value in chunk(text, step)]
    assert len(steps) == 700
    assert bytes(int(-value) for value in steps if value > -256) == text
    assert set(steps[len(text) :]) == {-300.0}


def test_the_fingerprint_sees_what_was_tuned_inside_of_a_file(folder):
    weights = folder / "model-1.safetensors"
    with weights.open("wb") as file:
        file.truncate(50_000_000)
    before = fingerprint(folder)
    with weights.open("r+b") as file:
        file.seek(20_000_000)
        file.write(b"tuned" * 400_000)
    assert fingerprint(folder) != before


@pytest.mark.parametrize("change", ["config.json", "model-1.safetensors", "model-2.safetensors", "model-3.safetensors"])
def test_the_fingerprint_changes_with_config_and_weights(folder, change):
    before = fingerprint(folder)
    (folder / change).write_bytes(b"changed")
    assert fingerprint(folder) != before


def test_the_fingerprint_sees_both_ends_of_a_large_file(folder):
    before = fingerprint(folder)
    (folder / "model-1.safetensors").write_bytes(bytes(199_999) + b"\1")
    assert fingerprint(folder) != before


def test_the_fingerprint_sees_how_long_a_file_is(folder):
    before = fingerprint(folder)
    (folder / "model-1.safetensors").write_bytes(bytes(200_001))
    assert fingerprint(folder) != before


def test_the_fingerprint_stays_when_something_of_no_weight_changes(folder):
    before = fingerprint(folder)
    (folder / "README.md").write_text("changed")
    assert fingerprint(folder) == before
    assert before.startswith("sha256:") and len(before) == 71


def test_a_single_file_has_a_fingerprint(folder):
    assert fingerprint(folder / "model-1.safetensors") != fingerprint(folder / "model-2.safetensors")


def test_a_commit_is_told_before_anything_else(tmp_path, folder):
    snapshot = tmp_path / "models--a--b" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    assert revision(configured("a/b", revision=COMMIT).model_config) == COMMIT
    assert revision(configured("a/b", revision="main", commit=COMMIT).model_config) == COMMIT
    assert revision(configured(snapshot).model_config) == COMMIT
    assert revision(configured(folder).model_config) == fingerprint(folder)
    assert revision(configured("a/b", revision="main").model_config) == "main"
    assert revision(configured("a/b").model_config) == "unknown"
