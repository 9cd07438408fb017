"""A network as an ONNX model: each layer as standard operators, in float32 or float64 as the network computes."""
