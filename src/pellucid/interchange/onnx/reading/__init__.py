"""ONNX models, read and checked."""
