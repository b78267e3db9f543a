"""Fetches an encoder from the Hugging Face hub: its weights once (safetensors where there are any) and its small files.

    python download.py NAME FOLDER
"""

import logging
import sys

from huggingface_hub import HfApi, hf_hub_download

logging.disable(logging.CRITICAL)
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def wanted(files):
    """Sub-folders hold the modules of sentence-transformers; other forms of the weights are left."""
    weights = next((name for name in WEIGHTS if name in files), None)
    small = [name for name in files if name.endswith((".json", ".txt", ".model")) and not name.startswith(("onnx/", "openvino/"))]
    return [*small, *([weights] if weights else [])]


def main(name, folder):
    for file in wanted(HfApi().list_repo_files(name)):
        hf_hub_download(name, file, local_dir=folder)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # whatever it is, it becomes one line for people
        lines = [line for line in str(error).splitlines() if line.strip()]
        sys.exit(lines[0] if lines else type(error).__name__)
