"""Writes the ONNX graphs of a trained cross-encoder from its folder: no torch, no exporter.

    python export.py FOLDER OUT [--kinds fp32 int8]
    python export.py FOLDER --check

FOLDER holds config.json and model.safetensors as Transformers writes them. OUT gets model.fp32.onnx and model.int8.onnx:
inputs as prepare/encoder.py has them, output logits, float32 [pairs, 1]. With --check nothing is written: a model of a kind
that cannot be exported is refused before it is trained.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "prepare"))

import numpy as np  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from encoder import CONTRIB, LARGEST, OPSET, Graph, read_safetensors  # noqa: E402
from families import Unsupported, as_bert  # noqa: E402

#: Of each kind of model: the layers of its head, and what is between them.
HEADS = {
    "bert": ("pooler.dense", "Tanh", "classifier"),
    "roberta": ("classifier.dense", "Tanh", "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", "Tanh", "classifier.out_proj"),
    "camembert": ("classifier.dense", "Tanh", "classifier.out_proj"),
    "distilbert": ("pre_classifier", "Relu", "classifier"),
    "mpnet": ("classifier.dense", "Tanh", "classifier.out_proj"),
}


class Scorer(Graph):
    """The encoder's graph with a head over the first token. The head stays in full precision: it costs nothing."""

    def head(self, first):
        within, between, last = HEADS[self.kind]
        hidden = self.node(between, self.full(first, within))
        return self.full(hidden, last)

    def full(self, source, name):
        weight, bias = (self.weight(f"head.{name}.{part}", self.tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("Gemm", source, weight, bias, transB=1)

    def model(self):
        self.kind = self.config["model_type"]
        mask = self.node("Cast", "attention_mask", to=TensorProto.INT32)
        hidden = self.embeddings()
        distances = self.distances()
        for index in range(self.config["num_hidden_layers"]):
            hidden = self.layer(hidden, index, mask, distances)
        self.head(self.node("Gather", hidden, self.constant("index", np.int64(0)), axis=1))
        self.nodes[-1].output[0] = "logits"
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["pairs", "tokens"])
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name != "token_type_ids" or "embeddings.token_type_embeddings.weight" in self.tensors
        ]
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", 1])
        graph = helper.make_graph(self.nodes, "cross-encoder", inputs, [output], self.weights)
        versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=9, producer_name="gainstream")


def write(path, tensors, config, kind):
    model = Scorer(tensors, config, int8=kind == "int8").model()
    if sum(len(weight.raw_data) for weight in model.graph.initializer) > LARGEST:
        raise Unsupported(f"the model does not fit into one ONNX file of 2 GB in {kind}")
    path.write_bytes(model.SerializeToString(deterministic=True))


class Known(Exception):
    """The kind of model can be written."""


def check(config):
    def read():
        raise Known

    try:
        as_bert(config, read)
    except Known:
        return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path, nargs="?")
    parser.add_argument("--kinds", nargs="+", choices=("fp32", "int8"), default=("fp32", "int8"))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    if options.check:
        return check(config)
    tensors, config = as_bert(config, lambda: read_safetensors(options.folder / "model.safetensors"))
    for kind in options.kinds:
        write(options.out / f"model.{kind}.onnx", tensors, config, kind)


if __name__ == "__main__":
    try:
        main()
    except Unsupported as error:
        sys.exit(str(error))
    except KeyError as error:
        sys.exit(f"the weights or the configuration lack {error}")
