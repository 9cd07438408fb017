"""ONNX's operators as formulas, a family a file; `base.py` says what an operator takes and gives."""
