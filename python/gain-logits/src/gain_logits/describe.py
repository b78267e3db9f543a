"""What this server is: said once at start, with the counters of the moment at each request."""

import hashlib
import json
import logging
import re
from pathlib import Path

from gain_logits import __version__
from gain_logits.wire import PROTOCOL

log = logging.getLogger("vllm.gain_logits")

ENDS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
PIECE, PIECES = 16 * 1024, 64


def _pieces(path):
    """64 pieces of 16 KiB, evenly from a file's first byte to its last (all of a shorter one)."""
    last = path.stat().st_size - PIECE
    with path.open("rb") as file:
        if last < PIECE * PIECES:
            return file.read()
        parts = []
        for at in range(PIECES):
            file.seek(last * at // (PIECES - 1))
            parts.append(file.read(PIECE))
        return b"".join(parts)


def fingerprint(model):
    """``sha256:...`` of a local model: config.json, and name, size and 64 pieces of each weights file.

    Whole files would take minutes at start. The first and the last piece alone are those of a header and of a norm:
    what a model was tuned to in its attention stands in between.
    """
    folder = Path(model)
    inside = [folder] if folder.is_file() else sorted(folder.iterdir())
    files = [file for file in inside if file.name.endswith(ENDS) and file.is_file()]
    digest = hashlib.sha256()
    config = folder / "config.json"
    if config.is_file():
        digest.update(config.read_bytes())
    for file in files:
        digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode())
        digest.update(_pieces(file))
    return f"sha256:{digest.hexdigest()}"


def revision(model_config):
    """The commit of a model from the hub, else the fingerprint of a local one, else the branch that was asked for."""
    model, asked = str(model_config.model), getattr(model_config, "revision", None)
    commits = (asked, getattr(getattr(model_config, "hf_config", None), "_commit_hash", None), *Path(model).parts[::-1])
    for text in commits:
        if isinstance(text, str) and re.fullmatch("[0-9a-f]{40}", text):
            return text
    try:
        return fingerprint(model) if Path(model).exists() else asked or "unknown"
    except OSError as error:
        log.warning("gain-logits: no fingerprint of %s (%s)", model, error)
        return asked or "unknown"


def facts(vllm_config, runner, version):
    """What stays as it is while the server runs. ``runner``: v1 or v2; ``version``: vLLM's."""
    model = vllm_config.model_config
    return {
        "protocol": PROTOCOL,
        "plugin": __version__,
        "runner": runner,
        "vllm": version,
        "model": str(model.model),
        "revision": revision(model),
        "dtype": str(model.dtype).removeprefix("torch."),
        "vocab": model.get_vocab_size(),
        "block": vllm_config.cache_config.block_size,
        "context": model.max_model_len,
    }


def describe(known, rows):
    """The description as UTF-8 JSON, with the counters of the rows."""
    counters = {
        "rows": len(rows),
        "bytes": rows.bytes,
        "limit": rows.limit,
        "evicted": rows.evicted,
        "missing": rows.missing,
    }
    return json.dumps({**known, **counters}, separators=(",", ":"), ensure_ascii=False).encode()
