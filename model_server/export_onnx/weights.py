"""Smaller weights in a finished graph."""

import hashlib
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime import quantization

Floats = npt.NDArray[np.float32]

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


def to_uint8(model: ModelProto, *, exact_weights: Sequence[Floats]) -> ModelProto:
    """ONNX Runtime's dynamic quantisation: about a quarter of the bytes, and products of 8-bit integers.

    QUInt8, which the WebAssembly build runs, too, a little faster than float32 (docs/onnx.md); one scale per tensor, as
    its batched products take no other. `exact_weights` stay float32, in whatever order of axes the graph holds them,
    and so do small ones: they cost next to nothing and, quantised, draw visibly other masks.
    """
    given, model = model, ModelProto()
    model.CopyFrom(given)
    exact = {_fingerprint(weight) for weight in exact_weights}
    keep = {
        tensor.name
        for tensor in model.graph.initializer
        if math.prod(tensor.dims) < SMALLEST or _fingerprint(numpy_helper.to_array(tensor)) in exact
    }
    # It warns, on the root logger, about a model whose shapes it would like to infer first; this one needs none.
    helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    kept_nodes = [node.name for node in model.graph.node if keep.intersection(node.input[:2])]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "uint8.onnx"
        quantization.quantize_dynamic(
            model,
            result,
            weight_type=quantization.QuantType.QUInt8,
            op_types_to_quantize=["MatMul"],
            # A Gemm is quantised as the product it holds, under this name.
            nodes_to_exclude=[*kept_nodes, *(f"{name}_MatMul" for name in kept_nodes)],
        )
        smaller = onnx.load(result)
    del smaller.graph.value_info[:]
    return smaller


def _fingerprint(values: Floats) -> bytes:
    """The same for the same numbers in any order."""
    return hashlib.sha256(np.sort(values, axis=None).tobytes()).digest()
