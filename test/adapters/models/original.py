"""Makes an encoder of Transformers with random weights, none of them nought, as its makers would publish it.

    original.py KIND TOKENIZER FOLDER [--layers N] [--hidden N] [--heads N] [--pickle] [--family]

KIND is a model_type of Transformers; TOKENIZER a tokenizer.json. With --pickle the weights are a pytorch_model.bin.
"""

import argparse
import json
import pathlib
import shutil

import torch
from transformers import AutoConfig, AutoModel


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("tokenizer", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=96)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--pickle", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(20)
    ours = {"bert": 0, "distilbert": 0}  # what positions begin after
    names = ("dim", "n_layers", "n_heads", "hidden_dim") if options.kind == "distilbert" else (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")  # fmt: skip
    sizes = dict(zip(names, (options.hidden, options.layers, options.heads, 4 * options.hidden)))
    positions = 512 + ours.get(options.kind, 2)
    config = AutoConfig.for_model(options.kind, vocab_size=30522, max_position_embeddings=positions, **sizes)
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.05)
    model.save_pretrained(options.folder)
    if options.pickle:
        (options.folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), options.folder / "pytorch_model.bin")
    shutil.copy(options.tokenizer, options.folder / "tokenizer.json")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (options.folder / "tokenizer_config.json").write_text(json.dumps(about))


main()
