"""The peer: sentence-transformers on the same model, texts, length and threads, one process.

`embed.py MODEL TEXTS OUT --threads N --tokens N` reads a JSON list of texts, embeds a few of them to warm up, and says
`ready`. For each line on its standard input it embeds them all and prints {"seconds": …, "cpu": …}; the vectors of the
last turn lie in OUT, float32, one after the other. Batches of 32, its own default, sorted by length by itself.
"""

import argparse
import json
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "texts", "out"):
        parser.add_argument(name)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with open(options.texts) as file:
        texts = json.load(file)
    model = SentenceTransformer(options.model, device="cpu")
    model.max_seq_length = options.tokens
    model.encode(texts[:64], show_progress_bar=False)
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = model.encode(texts, show_progress_bar=False)
        figures = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        vectors.astype("<f4").tofile(options.out)
        print(json.dumps(figures), flush=True)


main()
