"""Whole trainings of a small model, as a user starts them."""

import json
import signal
import subprocess
import time

import pytest
from safetensors.torch import load_file

from conftest import command, environment, groups_of, material_at, ran

QUICK = ("--groups", 4, "--group_size", 4, "--epochs", 2, "--max_tokens", 40, "--precision", "fp32", "--learning_rate", 5e-3)


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def same(a, b):
    first, second = load_file(a / "trained" / "model.safetensors"), load_file(b / "trained" / "model.safetensors")
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, base, material):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    ran("--material", material, "--out", out, "--base", base, *QUICK, "--save_steps", 1)
    return out


def test_a_training_learns_what_the_teacher_prefers(undisturbed):
    found = json.loads((undisturbed / "trained" / "summary.json").read_text())
    assert found["steps"] == 16
    assert found["evaluated"]["gain"] > found["evaluated"]["first"] + 0.5
    losses = [line["loss"] for line in metrics(undisturbed) if "loss" in line]
    assert len(losses) == 16
    assert losses[-1] < losses[0] / 2


def test_a_training_killed_at_any_time_goes_on_to_the_same_weights(tmp_path, base, material, undisturbed):
    arguments = ("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK, "--save_steps", 1)
    kills = 0
    for wanted in (2, 5):
        child = subprocess.Popen(command(*arguments), env=environment(), stderr=subprocess.DEVNULL)
        while child.poll() is None and not (tmp_path / "out" / f"step-{wanted}").exists():
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
    assert kills == 2, "it ended before it was killed"
    assert "goes on from step" in ran(*arguments).stderr
    assert same(tmp_path / "out", undisturbed)
    steps = [line["step"] for line in metrics(tmp_path / "out") if "loss" in line]
    assert steps == list(range(1, 17))


def test_another_seed_gives_other_weights(tmp_path, base, material, undisturbed):
    ran("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK, "--seed", 1)
    assert not same(tmp_path / "out", undisturbed)


def test_a_checkpoint_of_another_training_is_refused(tmp_path, base, material):
    arguments = ("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK, "--save_steps", 1)
    ran(*arguments, "--stop_after", 1)
    refused = ran(*arguments, "--temperature", 2, check=False)
    assert refused.returncode == 1
    assert "step-1 is a checkpoint of another training" in refused.stderr
    assert "Traceback" not in refused.stderr
    ran(*arguments, "--temperature", 2, "--overwrite_output_dir", "--stop_after", 1)


def test_what_another_training_left_is_not_taken_for_this_ones(tmp_path, base, undisturbed, material):
    arguments = ("--out", undisturbed, "--base", base, *QUICK, "--save_steps", 1)
    assert "is there already" in ran("--material", material, *arguments).stderr
    refused = ran("--material", material, *arguments, "--temperature", 2, check=False)
    assert refused.returncode == 1
    assert "trained is of another training" in refused.stderr
    other = material_at(tmp_path / "m", groups_of(16))
    assert ran("--material", other, *arguments, check=False).returncode == 1


def test_it_stops_when_the_development_split_gains_nothing_more(tmp_path, base, material):
    rest = (*QUICK[:5], 50, *QUICK[6:])
    ran("--material", material, "--out", tmp_path / "out", "--base", base, *rest, "--patience", 2)
    found = json.loads((tmp_path / "out" / "trained" / "summary.json").read_text())
    looks = [line for line in metrics(tmp_path / "out") if "gain" in line]
    assert found["early"] is True and found["steps"] < 400
    assert found["evaluated"]["gain"] == max(line["gain"] for line in looks[1:])
    assert [line["best"] for line in looks[-2:]] == [False, False]


def test_a_prior_decides_before_anything_is_learned(tmp_path, base):
    material = material_at(tmp_path / "m", groups_of(16), prior={"weights": [1.0, 0.0]})
    ran("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK, "--prior", "material")
    start = next(line for line in metrics(tmp_path / "out") if line["step"] == 0)
    assert start["gain"] == start["first"]
    linear = json.loads((tmp_path / "out" / "trained" / "summary.json").read_text())["linear"]
    assert linear["features"] == ["reciprocal_rank", "noise"] and linear["weights"] != [1.0, 0.0]


def test_a_frozen_prior_stays_as_it_was(tmp_path, base):
    material = material_at(tmp_path / "m", groups_of(16), prior={"weights": [1.0, 0.25]})
    ran("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK, "--prior", "material", "--prior_frozen")
    assert json.loads((tmp_path / "out" / "trained" / "summary.json").read_text())["linear"]["weights"] == [1.0, 0.25]


def test_an_output_that_collapses_raises_an_alarm_and_ends_the_training(tmp_path, base, material):
    rest = [*QUICK[:-1], 0.0]
    out = tmp_path / "out"
    ended = ran("--material", material, "--out", out, "--base", base, *rest, "--prior", "zero", "--prior_rate", 0, check=False)
    assert ended.returncode == 1 and "the output has collapsed" in ended.stderr
    assert any("collapsed" in line.get("alarm", "") for line in metrics(out))
    assert not (out / "trained").exists()


def test_mixed_precision_and_recomputed_activations_learn_the_same(tmp_path, base, material):
    out = tmp_path / "out"
    ran("--material", material, "--out", out, "--base", base, *QUICK, "--precision", "bf16", "--gradient_checkpointing")
    found = json.loads((out / "trained" / "summary.json").read_text())
    assert found["precision"] == "bf16"
    assert found["evaluated"]["gain"] > found["evaluated"]["first"] + 0.5


def test_without_a_development_split_the_last_weights_count(tmp_path, base):
    material = material_at(tmp_path / "m", groups_of(8), dev=0)
    ran("--material", material, "--out", tmp_path / "out", "--base", base, *QUICK)
    assert json.loads((tmp_path / "out" / "trained" / "summary.json").read_text())["evaluated"] is None
