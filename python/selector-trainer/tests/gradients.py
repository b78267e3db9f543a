"""`gradients.py BASE MATERIAL OUT PROCESSES`: the gradient of one step of five groups, summed over all processes."""

import sys
from pathlib import Path

from selector_trainer import quiet, spread  # noqa: F401
import torch

from selector_trainer.batches import Batches
from selector_trainer.loop import Training
from selector_trainer.material import read
from selector_trainer.model import kinds_of, student
from selector_trainer.options import parse
from selector_trainer.pairs import Lengths, Pairs
from selector_trainer.prior import prior_of
from selector_trainer.report import Report

base, material, out, processes = sys.argv[1:]
torch.set_num_threads(1)
at = spread.place()
options = parse(["--base", base, "--material", material, "--out", out, "--processes", processes, "--prior", "zero",
                 "--precision", "fp32", "--dropout", "0", "--group_size", "4"])  # fmt: skip
found = read(options.material)
model, tokenizer, _ = student(base, prior_of(found, "zero", False), "fp32", "fresh", 0, 0.0)
batches = Batches(Pairs(tokenizer, Lengths(40), kinds_of(model.encoder)), True, at.device)
torch.nn.init.normal_(model.encoder.classifier.weight)
training = Training(options, found, model.train(), batches, at, Report(options.out, False, False), "")
sums = training.gradients(found.train[:5], 0)
if at.first:
    torch.save({"gradients": {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, "sums": sums, "world": at.world}, out)
spread.together(at)
spread.leave()
