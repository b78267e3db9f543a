"""Writes the ONNX graph of a cross-encoder: a BERT-like encoder (see encoder.py) that gives a pair of texts one logit.

    python cross_encoder.py --weights model.safetensors --config config.json --out FOLDER [--kinds fp32 int8]

The weights are those of Transformers' models for the classification of sequences, with one label. FOLDER gets
model.fp32.onnx and model.int8.onnx. Inputs of a graph: as encoder.py says; output: logits, float32 [pairs, 1].
"""

import argparse
import json
import pathlib
import sys

import numpy as np

from encoder import Graph, TensorProto, read_safetensors, write
from families import Unsupported, as_bert

#: By the first dense layer of the head, which BERT calls a pooler: its activation, and the name of the second.
HEADS = {
    "pooler.dense": ("Tanh", "classifier"),
    "classifier.dense": ("Tanh", "classifier.out_proj"),
    "pre_classifier": ("Relu", "classifier"),
}


class CrossEncoder(Graph):
    """Only the first token's vector is read, so the last layer computes no other one: the same logits, sooner."""

    def model(self):
        mask = self.node("Cast", "attention_mask", to=TensorProto.INT32)
        hidden = self.embeddings()
        distances = self.distances()
        last = self.config["num_hidden_layers"] - 1
        for index in range(last):
            hidden = self.layer(hidden, index, mask, distances)
        self.head(self.first_of_layer(hidden, last, mask, distances))
        return self.finished("logits", ["batch", 1])

    def first_of_layer(self, source, index, mask, distances):
        """[pairs, 1, hidden]"""
        at = f"encoder.layer.{index}"
        first = self.node("Gather", source, self.constant("first", np.array([0])), axis=1)
        own = [self.node("Gather", each, self.constant("first", np.array([0])), axis=2) for each in distances]
        q = self.product(first, f"{at}.q", self.joined(at, "weight", "query"))
        kv = self.product(source, f"{at}.kv", self.joined(at, "weight", "key", "value"))
        k, v = self.node("Split", kv, outputs=2, axis=-1)
        return self.attended(at, (q, k, v), first, mask, own)

    def head(self, first):
        flat = self.node("Reshape", first, self.constant("flat", np.array([-1, self.config["hidden_size"]])))
        dense = next((name for name in HEADS if f"{name}.weight" in self.tensors), None)
        if dense is None:
            raise Unsupported("the weights hold no head that gives a pair of texts a logit")
        activation, closing = HEADS[dense]
        labels = len(self.tensors[f"{closing}.weight"])
        if labels != 1:
            raise Unsupported(f"the head gives a pair {labels} logits; a selector reads one")
        inner = self.node(activation, self.exactly(flat, dense))
        return self.exactly(inner, closing)

    def exactly(self, source, name):
        """Never in 8 bits: the head is small, and the logit is all that comes out."""
        weight, bias = (self.tensors[f"{name}.{part}"] for part in ("weight", "bias"))
        return self.node("Gemm", source, self.weight(f"{name}.weight", weight), self.weight(f"{name}.bias", bias), transB=1)


def main():
    parser = argparse.ArgumentParser()
    for name in ("weights", "config", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=("fp32", "int8"), default=("fp32", "int8"))
    options = parser.parse_args()
    config = json.loads(options.config.read_text())
    tensors, config = as_bert(config, lambda: read_safetensors(options.weights))
    for kind in options.kinds:
        write(options.out / f"model.{kind}.onnx", tensors, config, kind, CrossEncoder)


if __name__ == "__main__":
    try:
        main()
    except Unsupported as error:
        sys.exit(str(error))
    except KeyError as error:
        sys.exit(f"the weights or the configuration lack {error}")
