"""Rewrite a GGUF file with another type of weights: `requantise.py SOURCE TARGET [--type q8_0|f32]`.

Why: on CPUs llama.cpp evaluates Q8_0 weights about twice as fast as Q4_1 ones, and nothing that Q4_1 still held is lost.
Matrices whose rows divide into blocks are rewritten, vectors (norms, biases) become float32. All metadata is kept but
the file type. One tensor is in memory at a time. The target is written aside and renamed, so that it is whole or absent;
the same source gives the same bytes. Prints one JSON line of progress per tensor.

Needs the packages `gguf` and `numpy`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, ReaderField, ReaderTensor
from gguf.constants import GGML_QUANT_SIZES, Keys
from gguf.quants import dequantize, quantize

TYPES = {
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
    "f32": (GGMLQuantizationType.F32, LlamaFileType.ALL_F32),
}


def target_type(shape: tuple[int, ...], wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """The wanted type for matrices that fit its blocks, float32 for everything else. `shape` has the row length last."""
    block = GGML_QUANT_SIZES[wanted][0]
    return wanted if len(shape) >= 2 and shape[-1] % block == 0 else GGMLQuantizationType.F32


def shape_of(tensor: ReaderTensor) -> tuple[int, ...]:
    """GGUF writes the row length first, numpy has it last."""
    return tuple(int(n) for n in reversed(tensor.shape))


def weights(tensor: ReaderTensor) -> np.ndarray:
    """The tensor's numbers as float32."""
    return dequantize(tensor.data, tensor.tensor_type).reshape(shape_of(tensor)).astype(np.float32, copy=False)


def copied_fields(reader: GGUFReader) -> Iterator[tuple[ReaderField, GGUFValueType, GGUFValueType | None]]:
    """Metadata to carry over: all but what the writer writes itself."""
    own = {Keys.General.ARCHITECTURE, Keys.General.FILE_TYPE}
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in own:
            continue
        kind = field.types[0]
        yield field, kind, field.types[-1] if kind == GGUFValueType.ARRAY else None


def size(shape: tuple[int, ...], kind: GGMLQuantizationType) -> int:
    block, length = GGML_QUANT_SIZES[kind]
    return int(np.prod(shape)) // block * length


def requantise(source: str, target: str, kind: str) -> None:
    wanted, file_type = TYPES[kind]
    reader = GGUFReader(source)
    aside = f"{target}.{os.getpid()}.part"
    writer = GGUFWriter(aside, reader.get_field(Keys.General.ARCHITECTURE).contents())
    writer.add_file_type(file_type)
    for field, value_type, item_type in copied_fields(reader):
        writer.add_key_value(field.name, field.contents(), value_type, sub_type=item_type)
    for tensor in reader.tensors:
        shape = shape_of(tensor)
        to = target_type(shape, wanted)
        # The writer wants the shape in bytes for quantised rows, and infers the elements from it.
        block, length = GGML_QUANT_SIZES[to]
        raw = (*shape[:-1], shape[-1] // block * length) if to is not GGMLQuantizationType.F32 else shape
        writer.add_tensor_info(tensor.name, raw, np.dtype(np.uint8 if raw is not shape else np.float32), size(shape, to), to)
    try:
        write(reader, writer, wanted)
        os.replace(aside, target)
    finally:
        if os.path.exists(aside):
            os.remove(aside)


def write(reader: GGUFReader, writer: GGUFWriter, wanted: GGMLQuantizationType) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for done, tensor in enumerate(reader.tensors, start=1):
        numbers = weights(tensor)
        to = target_type(numbers.shape, wanted)
        writer.write_tensor_data(numbers if to is GGMLQuantizationType.F32 else quantize(numbers, to))
        print(json.dumps({"done": done, "of": len(reader.tensors)}), flush=True)
    writer.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Rewrite a GGUF file with another type of weights.")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--type", choices=sorted(TYPES), default="q8_0")
    arguments = parser.parse_args()
    try:
        requantise(arguments.source, arguments.target, arguments.type)
    except (OSError, ValueError) as error:
        print(f"{arguments.source} could not be rewritten: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
