"""The peer: what the published labelling does. Transformers, float32, batch 1, two forward passes per passage and gold.

`batch1.py GGUF REQUESTS THREADS` reads `[{base: ids, golds: [ids], passages: [ids]}]` and prints one JSON line with
passages, seconds and the mean negative log-likelihoods per passage and gold. The weights are those of the GGUF file,
dequantised. As in the published loop the row without a passage is computed once per gold.
"""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

ALPHA = 0.5


def forward(model, prompt: list[int], gold: list[int]) -> torch.Tensor:
    """Rows of logits for each token of the gold."""
    return model(torch.tensor([prompt + gold])).logits[0, len(prompt) - 1 : -1]


def mean_nll(given: torch.Tensor, base: torch.Tensor, gold: list[int]) -> float:
    contrast = torch.log_softmax((1 + ALPHA) * given - ALPHA * base, -1)
    return -contrast.gather(1, torch.tensor(gold)[:, None]).mean().item()


def main() -> None:
    gguf, requests, threads = sys.argv[1:4]
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    folder, file = gguf.rsplit("/", 1)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    with open(requests, encoding="utf-8") as lines:
        queries = json.load(lines)
    forward(model, queries[0]["base"], queries[0]["golds"][0])
    started, passages, figures = time.perf_counter(), 0, []
    for query in queries:
        base = [forward(model, query["base"], gold) for gold in query["golds"]]
        for prompt in query["passages"]:
            figures.append([mean_nll(forward(model, prompt, g), b, g) for g, b in zip(query["golds"], base)])
            passages += 1
    print(json.dumps({"passages": passages, "seconds": time.perf_counter() - started, "mean_nll": figures}))


if __name__ == "__main__":
    main()
