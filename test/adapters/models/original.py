"""Makes encoders of Transformers with random weights, none of them nought, as their makers would publish them.

    original.py TOKENIZER FOLDER '[{"name": …, "kind": …}, …]'

TOKENIZER is a tokenizer.json, kind a model_type of Transformers. Each model lies in FOLDER/name; further keys: layers,
hidden, heads, and pickle, for weights in a pytorch_model.bin.
"""

import json
import pathlib
import shutil
import sys

import torch
from transformers import AutoConfig, AutoModel


def make(tokenizer, folder, kind, layers=3, hidden=96, heads=4, pickle=False):
    torch.manual_seed(20)
    names = ("dim", "n_layers", "n_heads", "hidden_dim") if kind == "distilbert" else (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")  # fmt: skip
    sizes = dict(zip(names, (hidden, layers, heads, 4 * hidden)))
    positions = 512 if kind in ("bert", "distilbert") else 514  # the others count from behind the padding token
    config = AutoConfig.for_model(kind, vocab_size=30522, max_position_embeddings=positions, **sizes)
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.05)
    model.save_pretrained(folder)
    if pickle:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    shutil.copy(tokenizer, folder / "tokenizer.json")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))


tokenizer, folder, wanted = sys.argv[1:]
for each in json.loads(wanted):
    make(tokenizer, pathlib.Path(folder) / each.pop("name"), **each)
