"""A network's prompt encoder and mask decoder as one ONNX file, for browsers: see docs/onnx.md.

rules.py    which tokens go in and which of the four masks answers, by family; numpy only
graph.py    what is exported, in torch
export.py   the file: written only when its numbers are those of torch
check.py    parity with torch, and agreement of smaller weights with float32
weights.py  float16 and uint8 weights
serving.py  files made once per model version, in a process of their own
"""

from model_server.export_onnx.command import main

__all__ = ["main"]
