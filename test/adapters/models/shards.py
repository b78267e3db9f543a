"""Vectors of a corpus as Contriever's authors publish them: computed by Transformers, mean over tokens, as long as they come.

    shards.py MODEL CORPUS FOLDER SHARDS

CORPUS is a psgs_w100.tsv. Each of SHARDS files in FOLDER is a pickle of (ids, float32 numbers).
"""

import csv
import pathlib
import pickle
import sys

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

if not torch.cuda.is_available():
    # Transformers asks CUDA for every batch; where its libraries are stand-ins, that question ends the process.
    torch.cuda.is_current_stream_capturing = lambda: False

model, corpus, folder, shards = sys.argv[1:]
tokenizer, encoder = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
with open(corpus, newline="") as lines:
    passages = list(csv.DictReader(lines, delimiter="\t"))


def vector(passage):
    tokens = tokenizer(f"{passage['title']} {passage['text']}", truncation=True, max_length=512, return_tensors="pt")
    with torch.inference_mode():
        return encoder(**tokens).last_hidden_state[0].mean(dim=0).numpy()


for at, some in enumerate(np.array_split(np.arange(len(passages)), int(shards))):
    ids = [passages[i]["id"] for i in some]
    with open(pathlib.Path(folder) / f"passages_{at:02}", "wb") as out:
        pickle.dump((ids, np.stack([vector(passages[i]) for i in some])), out)
np.stack([vector(passage) for passage in passages]).tofile(pathlib.Path(folder).parent / "wanted.f32")
