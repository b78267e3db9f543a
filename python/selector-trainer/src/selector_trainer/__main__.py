"""`python -m selector_trainer --material FOLDER --out FOLDER --base FOLDER-OR-NAME`: see options.py."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from . import Refused
from .options import Options, parse, shown


def _fingerprint(options: Options) -> str:
    """Of all that decides the weights: options, material and base."""
    digest = hashlib.sha256(f"{shown(options)}\n{os.path.realpath(options.base)}\n".encode())
    for file in sorted(options.material.glob("*.json*")) if options.material.is_dir() else [options.material]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _precision(wanted: str, device: str) -> str:
    if wanted == "fp16" and device == "cpu":
        return "bf16"  # half precision on a CPU is slower than full, and has no scaler
    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bf16"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "fp32"
    return "bf16" if " amx_bf16" in flags or " avx512_bf16" in flags else "fp32"


def _train(options: Options) -> None:
    from . import quiet, spread  # noqa: F401
    import torch

    from .batches import Batches
    from .finish import finish
    from .interchange import read_any
    from .loop import Training
    from .model import kinds_of, longest, student
    from .pairs import Lengths, Pairs
    from .prior import prior_of
    from .report import Report

    if options.threads:
        torch.set_num_threads(options.threads)
    at = spread.place()
    report = Report(options.out, options.events, at.first)
    material = read_any(options.material)
    prior = prior_of(material, options.prior, options.prior_frozen)
    precision = _precision(options.precision, at.device.type)
    model, tokenizer, own = student(
        options.base, prior, precision, options.head, options.seed, options.dropout, options.checkpointing
    )
    model.to(at.device).train()
    most = min(options.max_tokens, longest(model.encoder))
    lengths = Lengths(most, options.query_tokens, options.passage_tokens, options.pad_multiple)
    batches = Batches(Pairs(tokenizer, lengths, kinds_of(model.encoder)), prior is not None, at.device)
    training = Training(options, material, model, batches, at, report, _fingerprint(options))
    if training.resume():
        report.event("resumed", step=training.state.step)
        report.line(f"goes on from step {training.state.step}")
    elif not own:
        report.line(f"{options.base} has no head of one logit: a new one is trained")
    training.run()
    if at.first and options.stop_after is None:
        folder = finish(training, tokenizer, own)
        report.line(f"trained: {folder}")
    spread.together(at)
    spread.leave()


def _meaning_of(trained: Path) -> str | None:
    """What it was trained with; None where it does not say so."""
    try:
        return json.loads((trained / "summary.json").read_text()).get("meaning")
    except (OSError, ValueError) as error:
        raise Refused(f"{trained} cannot be read ({error}): throw it away with --overwrite") from None


def _prepared(options: Options) -> bool:
    """Makes the folder; whether there is something to train."""
    if options.overwrite:
        shutil.rmtree(options.out, ignore_errors=True)
    trained = options.out / "trained"
    if trained.exists():
        if _meaning_of(trained) not in (None, _fingerprint(options)):
            raise Refused(
                f"{trained} is of another training (options, material or base differ): name another folder, or throw it "
                "away with --overwrite"
            )
        print(f"{trained} is there already; --overwrite trains anew", file=sys.stderr)
        return False
    options.out.mkdir(parents=True, exist_ok=True)
    for half in options.out.glob("*aside*"):
        shutil.rmtree(half)
    return True


def main(arguments: list[str]) -> None:
    try:
        options = parse(arguments)
        started = "WORLD_SIZE" in os.environ
        if not started and not _prepared(options):
            return
        if options.processes > 1 and not started:
            from .spread import launch

            launch(options.processes, [a for a in arguments if a.split("=")[0] not in ("--overwrite", "--overwrite_output_dir")])
        _train(options)
    except Refused as error:
        sys.exit(f"selector-trainer: {error}")


def entry() -> None:
    main(sys.argv[1:])


if __name__ == "__main__":
    entry()
