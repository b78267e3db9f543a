"""The peers: labelling as it is done with Transformers alone, in one process, on the same weights and token ids.

`peers.py MODEL REQUESTS --way batch1|batched|reuse [--dtype float32|bfloat16] [--threads N]` reads
`[{base: ids, golds: [ids], passages: [ids]}]` and prints one JSON line with passages, seconds (wall and processor)
and the contrastive mean negative log-likelihoods per passage and gold. MODEL is a folder of safetensors or a GGUF file.

- batch1: what the published loop does. One prompt at a time, a forward pass per passage and gold; the row without a
  passage is computed once per gold.
- batched: eight prompts with their gold at a time, those of like length together, padded at the right; logits only for
  the rows that predict the gold.
- reuse: each prompt once; all golds of the query then share its keys and values, in one further forward pass.
"""

import argparse
import json
import time

import torch
from transformers import AutoModelForCausalLM

if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False

ALPHA = 0.5
BATCH = 8


def load(model: str, dtype: torch.dtype):
    folder, _, file = model.rpartition("/") if model.endswith(".gguf") else (model, "", None)
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=dtype).eval()


def padded(rows: list[list[int]]) -> torch.Tensor:
    """Token ids. What is padded stands at the right, where no real token looks: there is nothing to mask."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids


def one(model, prompt: list[int], gold: list[int]) -> torch.Tensor:
    """Rows of logits for each token of the gold: the forward pass of the published loop."""
    return model(torch.tensor([prompt + gold])).logits[0, len(prompt) - 1 : -1]


def several(model, pairs: list[tuple[list[int], list[int]]]) -> list[torch.Tensor]:
    """The same for several prompts with their golds."""
    ids = padded([prompt + gold for prompt, gold in pairs])
    states = model.base_model(ids, use_cache=False).last_hidden_state
    head = model.get_output_embeddings()
    return [head(states[i, len(p) - 1 : len(p) + len(g) - 1]) for i, (p, g) in enumerate(pairs)]


def after(model, prompt: list[int], golds: list[list[int]]) -> list[torch.Tensor]:
    """The same for all golds after one prompt, which is evaluated once."""
    read = model(torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
    first, cache = read.logits[0, -1:], read.past_key_values
    longer = [i for i, gold in enumerate(golds) if len(gold) > 1]
    rows = [first] * len(golds)
    if not longer:
        return rows
    ids = padded([golds[i][:-1] for i in longer])
    if len(longer) > 1:
        cache.batch_repeat_interleave(len(longer))
    rest = model(ids, past_key_values=cache, use_cache=True).logits
    for row, i in zip(rest, longer):
        rows[i] = torch.cat([first, row[: len(golds[i]) - 1]])
    return rows


def batch1(model, query: dict) -> list[list[torch.Tensor]]:
    return [[one(model, prompt, gold) for gold in query["golds"]] for prompt in [query["base"], *query["passages"]]]


def batched(model, query: dict) -> list[list[torch.Tensor]]:
    prompts, golds = [query["base"], *query["passages"]], query["golds"]
    places = [(p, g) for p in range(len(prompts)) for g in range(len(golds))]
    places.sort(key=lambda at: len(prompts[at[0]]) + len(golds[at[1]]))
    rows = [[None] * len(golds) for _ in prompts]
    for start in range(0, len(places), BATCH):
        some = places[start : start + BATCH]
        for (p, g), row in zip(some, several(model, [(prompts[p], golds[g]) for p, g in some])):
            rows[p][g] = row
    return rows


def reuse(model, query: dict) -> list[list[torch.Tensor]]:
    return [after(model, prompt, query["golds"]) for prompt in [query["base"], *query["passages"]]]


def mean_nll(given: torch.Tensor, base: torch.Tensor, gold: list[int]) -> float:
    contrast = torch.log_softmax((1 + ALPHA) * given.float() - ALPHA * base.float(), -1)
    return -contrast.gather(1, torch.tensor(gold)[:, None]).mean().item()


WAYS = {"batch1": batch1, "batched": batched, "reuse": reuse}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("requests")
    parser.add_argument("--way", choices=WAYS, default="batch1")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    model = load(given.model, getattr(torch, given.dtype))
    with open(given.requests, encoding="utf-8") as lines:
        queries = json.load(lines)
    way = WAYS[given.way]
    way(model, {**queries[0], "passages": queries[0]["passages"][:1]})  # what is set up once is not measured
    started, used, figures = time.perf_counter(), time.process_time(), []
    for query in queries:
        base, *passages = way(model, query)
        figures += [[mean_nll(*some) for some in zip(given_, base, query["golds"])] for given_ in passages]
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"passages": len(figures), "seconds": seconds, "cpu": cpu, "mean_nll": figures}))


if __name__ == "__main__":
    main()
