"""Two processes of one machine, as torchrun starts them, beside one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from conftest import environment, ran

SCRIPT = Path(__file__).parent / "gradients.py"


def gradients(base, material, out, processes):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)] if processes > 1 else []
    command = [sys.executable, *torchrun, SCRIPT, base, material, out, str(processes)]
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True)


def test_two_processes_have_the_gradients_of_one(tmp_path, base, material):
    one, two = (gradients(base, material, tmp_path / f"{n}.pt", n) for n in (1, 2))
    assert (one["world"], two["world"]) == (1, 2)
    assert one["gradients"].keys() == two["gradients"].keys() and "prior.weights" in one["gradients"]
    for name, expected in one["gradients"].items():
        assert torch.allclose(two["gradients"][name], expected, atol=1e-7, rtol=1e-5), name
    assert max(float(g.abs().max()) for g in one["gradients"].values()) > 1e-3
    assert two["sums"] == pytest.approx(one["sums"])


def test_a_training_of_two_processes_leaves_one_trained_model(tmp_path, base, material):
    arguments = ("--groups", 2, "--group_size", 4, "--epochs", 1, "--max_tokens", 40, "--precision", "fp32")
    out = tmp_path / "out"
    ran("--material", material, "--out", out, "--base", base, *arguments, "--nproc_per_node", 2, "--overwrite_output_dir")
    summary = json.loads((out / "trained" / "summary.json").read_text())
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert summary["steps"] == 8
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 9))
    assert all(line["pairs"] == 16 for line in lines if "loss" in line)
