"""A GGUF model as a folder of safetensors, as vLLM and Transformers read it: `convert.py FILE TARGET_FOLDER`.

The weights become float32: what the quantised file means, without another rounding.
"""

import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    source, target = sys.argv[1:3]
    folder, file = os.path.split(source)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    # It is not quantised any more, though Transformers remembers where it came from.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    main()
