"""What Transformers makes of some texts: the original that an exported encoder is held against.

    python reference.py FOLDER TEXTS OUT --pooling mean|cls --tokens N [--normalised]

TEXTS is a JSON list. OUT is a folder; it gets reference.json, {"transformers": version, "vectors": [[…], …]}: one text at
a time, nothing padded, float32. Where FOLDER has no model.safetensors, OUT gets one out of pytorch_model.bin, which is
read with torch's weights_only alone: a pickle that holds anything but tensors is refused. Where FOLDER has no
tokenizer.json, OUT gets what Transformers makes of the files that it has.
"""

import argparse
import json
import pathlib
import pickle
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False


def from_pickle(folder, out):
    """A folder like the given one whose weights are no pickle."""
    try:
        state = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        sys.exit(f"pytorch_model.bin holds something else than tensors: {str(error).splitlines()[0]}")
    tensors = {name: values.clone().contiguous() for name, values in state.items() if torch.is_tensor(values)}
    safe = out / "safe"
    safe.mkdir()
    for file in folder.iterdir():
        if file.is_file() and file.suffix in (".json", ".txt", ".model"):
            shutil.copy(file, safe)
    save_file(tensors, safe / "model.safetensors", metadata={"format": "pt"})
    return safe


def embedded(model, tokenizer, text, options):
    ids = tokenizer(text, truncation=True, max_length=options.tokens, return_tensors="pt")["input_ids"]
    hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    vector = hidden[0] if options.pooling == "cls" else hidden.mean(0)
    return (torch.nn.functional.normalize(vector, dim=0) if options.normalised else vector).tolist()


def main():
    parser = argparse.ArgumentParser()
    for name in ("folder", "texts", "out"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--pooling", choices=("mean", "cls"), required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--normalised", action="store_true")
    options = parser.parse_args()
    folder = options.folder
    if not (folder / "model.safetensors").exists():
        folder = from_pickle(folder, options.out)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if not (options.folder / "tokenizer.json").exists():
        tokenizer.backend_tokenizer.save(str(options.out / "tokenizer.json"))
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    texts = json.loads(options.texts.read_text())
    with torch.inference_mode():
        vectors = [embedded(model, tokenizer, text, options) for text in texts]
    found = {"transformers": transformers.__version__, "vectors": vectors}
    (options.out / "reference.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
