"""What Transformers makes of pairs: python reference.py MODEL PAIRS OUT TOKENS; one pair at a time, nothing padded."""

import json
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()
if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False

folder, pairs, out, tokens = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).float().eval()
found = []
with torch.inference_mode(), open(pairs) as file:
    for query, passage in json.load(file):
        inputs = tokenizer(query, passage, truncation="only_second", max_length=int(tokens), return_tensors="pt")
        found.append({"tokens": inputs["input_ids"].shape[1], "logit": model(**inputs).logits.item()})
with open(out, "w") as file:
    json.dump(found, file)
