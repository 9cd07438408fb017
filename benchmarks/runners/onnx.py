"""ONNX Runtime: the network as an ONNX model, for inference."""

from __future__ import annotations

import numpy as np
import onnxruntime

from benchmarks.runners import Array, Job, Steps
from pellucid.interchange.onnx.export.writer import model


def inference(job: Job) -> Steps:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    whole = model(job.net).SerializeToString()
    session = onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
    (given,) = job.net.input_shapes
    inputs = {given: job.x}

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            session.run(None, inputs)
        return np.asarray(session.run(None, inputs)[0])

    return calls
