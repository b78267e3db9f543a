"""The peer: a cross-encoder in PyTorch as rerankers are usually run, one process.

`peer.py MODEL PAIRS OUT --threads N --tokens N` reads a JSON list of [query, passage], scores a few to warm up and
prints {"tokens": [of each pair]}. For each line on its standard input it scores them all and prints {"seconds": …, "cpu": …}; the
logits of the last turn lie in OUT, float32. Tokenised at once, sorted by length, batches of 32, each padded to its
longest.
"""

import argparse
import json
import sys
import time

import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()
if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "pairs", "out"):
        parser.add_argument(name)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open(options.pairs) as file:
        pairs = json.load(file)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model, local_files_only=True)
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(options.model, local_files_only=True)
    model = loaded.float().eval()

    def encoded(some):
        first, second = zip(*some)
        return tokenizer(list(first), list(second), truncation="only_second", max_length=options.tokens)

    @torch.inference_mode()
    def scored(some):
        rows = encoded(some)
        lengths = np.array([len(ids) for ids in rows["input_ids"]])
        order = np.argsort(-lengths)
        logits = np.empty(len(some), dtype=np.float32)
        for at in range(0, len(order), options.batch):
            batch = order[at : at + options.batch]
            inputs = tokenizer.pad({name: [values[i] for i in batch] for name, values in rows.items()}, return_tensors="pt")
            logits[batch] = model(**inputs).logits.view(-1).numpy()
        return logits

    scored(pairs[:64])
    print(json.dumps({"tokens": [len(ids) for ids in encoded(pairs)["input_ids"]]}), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        logits = scored(pairs)
        figures = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        logits.tofile(options.out)
        print(json.dumps(figures), flush=True)


main()
