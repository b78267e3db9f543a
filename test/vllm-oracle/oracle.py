"""The oracle: Transformers alone, one prompt and answer at a time, in float32 and from the texts on.

`oracle.py MODEL [--threads N]` reads from standard input

    {"alphas": [a, …], "queries": [{"base": messages, "passages": [messages, …], "answers": [text, …]}, …]}

and writes per query `{"answers": [ids], "base": [[logprob …] per answer], "passages": [[{"plain": [...], "contrast":
[[...] per α]} per answer] per passage]}`. It shares nothing with the adapter: chat template, tokens, forward pass and
contrast are Transformers' and torch's own, in the method's words: (1 + α) · z(passage) − α · z(none), log-softmax over
the whole vocabulary in float64.
"""

import argparse
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

if not torch.cuda.is_available():
    # Transformers asks CUDA now and then; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False


def logits(model, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """The row before each token of the answer."""
    return model(torch.tensor([prompt + answer]), logits_to_keep=len(answer) + 1).logits[0, :-1].double()


def picked(rows: torch.Tensor, answer: list[int]) -> list[float]:
    return torch.log_softmax(rows, -1).gather(1, torch.tensor(answer)[:, None])[:, 0].tolist()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32).eval()
    asked = json.load(sys.stdin)

    def prompt_of(messages: list[dict]) -> list[int]:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    def score(rows: torch.Tensor, base: torch.Tensor, answer: list[int]) -> dict:
        contrasts = [picked((1 + alpha) * rows - alpha * base, answer) for alpha in asked["alphas"]]
        return {"plain": picked(rows, answer), "contrast": contrasts}

    found = []
    for query in asked["queries"]:
        answers = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in query["answers"]]
        base = [logits(model, prompt_of(query["base"]), answer) for answer in answers]
        passages = [
            [score(logits(model, prompt, answer), row, answer) for answer, row in zip(answers, base)]
            for prompt in map(prompt_of, query["passages"])
        ]
        bases = [picked(row, answer) for row, answer in zip(base, answers)]
        found.append({"answers": answers, "base": bases, "passages": passages})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
