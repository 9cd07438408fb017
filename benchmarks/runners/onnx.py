"""ONNX Runtime: the network as an ONNX graph, for inference."""

from __future__ import annotations

import numpy as np
import onnxruntime

from benchmarks.runners import Array, Job, Steps
from benchmarks.runners.graph import channels_first, turned
from benchmarks.runners.onnx_layers import model


def inference(job: Job) -> Steps:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    whole = model(job.net, len(job.x))
    session = onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
    first = channels_first(job.net)
    (given,), (result,) = job.net.input_shapes, job.net.output_shapes
    inputs = {"x": turned(job.x) if given in first else job.x}

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            session.run(None, inputs)
        output = np.asarray(session.run(None, inputs)[0])
        return np.moveaxis(output, 1, -1) if result in first else output

    return calls
