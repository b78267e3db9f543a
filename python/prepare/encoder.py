"""Writes the ONNX graph of a BERT-like encoder from its safetensors file: no torch, no exporter.

BERT itself, and what is built like it: RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT and MPNet (see families.py). Graphs
come out in full precision and with 8-bit weights, and beside them, where samples are given, what a plain NumPy forward
pass makes of these, so that whoever runs the graphs can tell whether they compute the same.

    python encoder.py --weights model.safetensors --config config.json --out FOLDER [--samples samples.json]
                      [--kinds fp32 int8]

samples.json holds the token ids of each sample: [[101, …, 102], …]. FOLDER gets model.fp32.onnx, model.int8.onnx and
reference.json: the mean over each sample's token vectors, brought to length 1. Inputs of a graph: input_ids,
attention_mask and, where the model has kinds of tokens, token_type_ids, int64 [batch, tokens], padded at the end;
output: last_hidden_state, float32 [batch, tokens, hidden].
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from families import Unsupported, as_bert
from oracle import reference

OPSET = 17
LARGEST = 2_000_000_000  # bytes; a protobuf message ends at 2 GiB
CONTRIB = "com.microsoft"  # onnxruntime's own operators: attention with a padding mask, fused GELU, 8-bit products


def read_safetensors(path):
    """Name → float32 array. Format: u64 length of a JSON header, the header, then the bytes it points into."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    size = int(raw[:8].view("<u8")[0])
    header = json.loads(bytes(raw[8 : 8 + size]))
    kinds = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in kinds:
            continue
        start, end = (8 + size + offset for offset in entry["data_offsets"])
        values = raw[start:end].view(kinds[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = np.asarray(values, dtype=np.float32)
    return tensors


class Graph:
    """Nodes and weights in the order in which they are asked for; names count up, so the file is always the same."""

    def __init__(self, tensors, config, int8):
        self.tensors, self.config, self.int8 = tensors, config, int8
        self.nodes, self.weights, self.constants, self.count = [], [], {}, 0

    def node(self, kind, *inputs, domain="", outputs=1, **attributes):
        self.count += 1
        names = [f"{kind}_{self.count}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def product(self, source, name, weight):
        """source · weightᵀ, weight as torch keeps it: [out, in]. The bias is left to the operator that comes next."""
        if not self.int8:
            return self.node("MatMul", source, self.weight(f"{name}.weight", weight.T))
        scale, values = quantised(weight)
        rows, row_scale = self.quantised_rows(source, weight.shape[1])
        whole = self.node(
            "MatMulIntegerToFloat", rows, self.weight(f"{name}.weight", values.T), self.constant("one", np.float32(1)),
            self.weight(f"{name}.scale", scale), self.constant("middle", np.uint8(128)), domain=CONTRIB,
        )  # fmt: skip
        return self.node("Mul", whole, row_scale)

    def quantised_rows(self, source, width):
        """
        Each token's vector to 8 bits with a scale of its own. One scale for the whole batch, as onnxruntime's own
        dynamic quantisation takes, is a little faster, but then a passage's vector depends on its neighbours (cosine
        down to 0.966 here).
        """
        most = self.node("ReduceMax", source, axes=[-1], keepdims=1)
        least = self.node("ReduceMin", source, axes=[-1], keepdims=1)
        scale = self.node("Mul", self.node("Max", most, self.node("Neg", least), self.constant("tiny", np.float32(1e-12))),
                          self.constant("step8", np.float32(1 / 127)))  # fmt: skip
        flat = self.node("Reshape", source, self.constant("flat", np.array([-1, width])), allowzero=0)
        each = self.node("Reshape", scale, self.constant("all", np.array([-1])))
        middle = self.node("Expand", self.constant("middle", np.uint8(128)), self.node("Shape", each))
        rows = self.node("QuantizeLinear", flat, each, middle, axis=0)
        return self.node("Reshape", rows, self.node("Shape", source)), scale

    def constant(self, name, value):
        """A weight that many nodes share."""
        name = f"{name}.{np.asarray(value).tolist()}"
        if name not in self.constants:
            self.constants[name] = self.weight(name, value)
        return self.constants[name]

    def layer_norm(self, source, name):
        scale, bias = (self.weight(f"{name}.{part}", self.tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", source, scale, bias, epsilon=self.config.get("layer_norm_eps", 1e-12))

    def embeddings(self):
        table = {
            kind: self.weight(f"embeddings.{kind}", self.tensors[f"embeddings.{kind}_embeddings.weight"])
            for kind in ("word", "position", "token_type")
            if f"embeddings.{kind}_embeddings.weight" in self.tensors
        }
        self.length = self.node("Gather", self.node("Shape", "input_ids"), self.constant("index", np.int64(1)))
        positions = self.node("Range", self.constant("index", np.int64(0)), self.length, self.constant("index", np.int64(1)))
        words = self.node("Gather", table["word"], "input_ids")
        kinds = [self.node("Gather", table["token_type"], "token_type_ids")] if "token_type" in table else []
        places = self.node("Gather", table["position"], positions)
        for kind in kinds:
            words = self.node("Add", words, kind)
        return self.layer_norm(self.node("Add", words, places), "embeddings.LayerNorm")

    def distances(self):
        """What attention adds for the distance of two tokens, [1, heads, tokens, tokens]; none for most models."""
        if "distances" not in self.tensors:
            return []
        table = self.weight("distances", self.tensors["distances"][None])
        length = self.node("Reshape", self.length, self.constant("all", np.array([-1])))
        ends = self.node("Concat", length, length, axis=0)
        starts, axes = self.constant("from", np.array([0, 0])), self.constant("axes", np.array([2, 3]))
        return [self.node("Slice", table, starts, ends, axes)]

    def layer(self, source, index, mask, distances):
        at = f"encoder.layer.{index}"
        weight = self.joined(at, "weight", "query", "key", "value")
        q, k, v = self.node("Split", self.product(source, f"{at}.qkv", weight), outputs=3, axis=-1)
        return self.attended(at, (q, k, v), source, mask, distances)

    def joined(self, at, part, *of):
        return np.concatenate([self.tensors[f"{at}.attention.self.{each}.{part}"] for each in of])

    def attended(self, at, qkv, source, mask, distances):
        """Attention over q, k and v without their biases, and the rest of the layer; source: what q was made of."""
        bias = self.weight(f"{at}.qkv.bias", self.joined(at, "bias", "query", "key", "value"))
        heads = self.config["num_attention_heads"]
        mixed = self.node("MultiHeadAttention", *qkv, bias, mask, *distances, domain=CONTRIB, num_heads=heads)
        middle = self.closing(mixed, f"{at}.attention.output", source)
        wide = self.node("BiasGelu", *self.dense(middle, f"{at}.intermediate.dense"), domain=CONTRIB)
        return self.closing(wide, f"{at}.output", middle)

    def closing(self, source, name, skip):
        # Sum, not Add: onnxruntime would turn Add into its SkipLayerNormalization, which is six times as slow.
        return self.layer_norm(self.node("Sum", *self.dense(source, f"{name}.dense"), skip), f"{name}.LayerNorm")

    def dense(self, source, name):
        """The product and, apart, its bias."""
        product = self.product(source, name, self.tensors[f"{name}.weight"])
        return product, self.weight(f"{name}.bias", self.tensors[f"{name}.bias"])

    def model(self):
        mask = self.node("Cast", "attention_mask", to=TensorProto.INT32)
        hidden = self.embeddings()
        distances = self.distances()
        for index in range(self.config["num_hidden_layers"]):
            hidden = self.layer(hidden, index, mask, distances)
        return self.finished("last_hidden_state", ["batch", "tokens", self.config["hidden_size"]])

    def finished(self, name, shape):
        """What the last node makes becomes the output of this name."""
        self.nodes[-1].output[0] = name
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask", "token_type_ids")
            if name != "token_type_ids" or "embeddings.token_type_embeddings.weight" in self.tensors
        ]
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "bert", inputs, [output], self.weights)
        versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=9, producer_name="gainstream")


def quantised(weight):
    """Symmetric, one scale per output: weight ≈ scale · int8."""
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    return scale, np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8)


def write(path, tensors, config, kind, graph=Graph):
    model = graph(tensors, config, int8=kind == "int8").model()
    if sum(len(weight.raw_data) for weight in model.graph.initializer) > LARGEST:
        raise Unsupported(f"the model does not fit into one ONNX file of 2 GB in {kind}")
    path.write_bytes(model.SerializeToString(deterministic=True))


def main():
    parser = argparse.ArgumentParser()
    for name in ("weights", "config", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--samples", type=pathlib.Path)
    parser.add_argument("--kinds", nargs="+", choices=("fp32", "int8"), default=("fp32", "int8"))
    options = parser.parse_args()
    config = json.loads(options.config.read_text())
    tensors, config = as_bert(config, lambda: read_safetensors(options.weights))
    for kind in options.kinds:
        write(options.out / f"model.{kind}.onnx", tensors, config, kind)
    if options.samples:
        samples = json.loads(options.samples.read_text())
        (options.out / "reference.json").write_text(json.dumps(reference(tensors, config, samples)))


if __name__ == "__main__":
    try:
        main()
    except Unsupported as error:
        sys.exit(str(error))
    except KeyError as error:
        sys.exit(f"the weights or the configuration lack {error}")
