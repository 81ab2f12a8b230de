"""Smaller weights in a finished graph."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime import quantization

SMALLEST = 4096  # weights of fewer numbers stay as they are; all of them together are a few dozen kilobytes


def to_float16(model: ModelProto) -> ModelProto:
    """Weights kept as fp16 and widened when a session is made: half the bytes, the same speed.

    A checkpoint whose own weights are fp16 loses nothing.
    """
    smaller = ModelProto()
    smaller.CopyFrom(model)
    kept, widened = [], []
    for tensor in smaller.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST:
            kept.append(tensor)
            continue
        narrow = f"{tensor.name}_float16"
        kept.append(numpy_helper.from_array(values.astype(np.float16), narrow))
        widened.append(helper.make_node("Cast", [narrow], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*widened, *smaller.graph.node]
    del smaller.graph.initializer[:], smaller.graph.node[:]
    smaller.graph.initializer.extend(kept)
    smaller.graph.node.extend(nodes)
    return smaller


def to_uint8(model: ModelProto) -> ModelProto:
    """ONNX Runtime's dynamic quantisation: a quarter of the bytes, and products of 8-bit integers.

    QUInt8, which the WebAssembly build runs several times as fast as float32 (docs/onnx.md); one scale per tensor, as
    its batched products take no other.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "uint8.onnx"
        quantization.quantize_dynamic(model, result, weight_type=quantization.QuantType.QUInt8)
        return onnx.load(result)
