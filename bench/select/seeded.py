"""A cross-encoder out of an encoder: its own weights under a head with seeded weights, as Transformers would keep it.

    python seeded.py ENCODER FOLDER

ENCODER holds model.safetensors (float32, BERT with its pooler) and config.json; FOLDER gets both for a classification of
sequences with one label. It knows nothing of relevance, but it computes as much as one that does, and its logits are
some units apart.
"""

import json
import pathlib
import sys

import numpy as np

source, folder = map(pathlib.Path, sys.argv[1:])
raw = (source / "model.safetensors").read_bytes()
start = 8 + int.from_bytes(raw[:8], "little")
tensors = {}
for name, entry in json.loads(raw[8:start]).items():
    if entry.get("dtype") == "F32":
        first, end = (start + offset for offset in entry["data_offsets"])
        tensors[f"bert.{name}"] = np.frombuffer(raw[first:end], "<f4").reshape(entry["shape"])
hidden = len(tensors["bert.pooler.dense.bias"])
random = np.random.default_rng(20)
tensors["classifier.weight"] = random.normal(0, 0.5, (1, hidden)).astype("<f4")
tensors["classifier.bias"] = random.normal(0, 0.5, 1).astype("<f4")

header, offset = {}, 0
for name, values in tensors.items():
    header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [offset, offset + values.nbytes]}
    offset += values.nbytes
described = json.dumps({**header, "__metadata__": {"format": "pt"}}).encode()
with (folder / "model.safetensors").open("wb") as file:
    file.write(len(described).to_bytes(8, "little") + described)
    for values in tensors.values():
        file.write(np.ascontiguousarray(values).tobytes())
config = json.loads((source / "config.json").read_text())
about = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "gain"}, "label2id": {"gain": 0}}
(folder / "config.json").write_text(json.dumps({**config, **about}))
