"""Pellucid: neural networks you can see through, from one neuron to an LSTM.

This is the whole public surface, and `pellucid.data`. `pellucid.formula` is the language of formulas, for those who
write operations of their own.
"""

import importlib as _importlib
import types as _types
import typing as _typing

from pellucid.activation_functions import activation as activation
from pellucid.activation_functions import elu as elu
from pellucid.activation_functions import gelu as gelu
from pellucid.activation_functions import hard_sigmoid as hard_sigmoid
from pellucid.activation_functions import leaky_relu as leaky_relu
from pellucid.activation_functions import linear as linear
from pellucid.activation_functions import log_softmax as log_softmax
from pellucid.activation_functions import mish as mish
from pellucid.activation_functions import relu as relu
from pellucid.activation_functions import selu as selu
from pellucid.activation_functions import sigmoid as sigmoid
from pellucid.activation_functions import silu as silu
from pellucid.activation_functions import softmax as softmax
from pellucid.activation_functions import softplus as softplus
from pellucid.activation_functions import step as step
from pellucid.activation_functions import tanh as tanh
from pellucid.errors import DataError as DataError
from pellucid.errors import FormulaError as FormulaError
from pellucid.errors import ModelFileError as ModelFileError
from pellucid.errors import NonFiniteError as NonFiniteError
from pellucid.errors import PellucidError as PellucidError
from pellucid.errors import ShapeError as ShapeError
from pellucid.explain import Attribution as Attribution
from pellucid.explain import Comparison as Comparison
from pellucid.explain import Diagnosis as Diagnosis
from pellucid.explain import Difference as Difference
from pellucid.explain import Explanation as Explanation
from pellucid.explain import Finding as Finding
from pellucid.explain import Flow as Flow
from pellucid.explain import Ledger as Ledger
from pellucid.explain import PatchedRun as PatchedRun
from pellucid.explain import Sweep as Sweep
from pellucid.explain import Trace as Trace
from pellucid.explain import Watch as Watch
from pellucid.explain import compare as compare
from pellucid.formula import Tensor as Tensor
from pellucid.formula import define as define
from pellucid.functions.learning.losses import loss as loss
from pellucid.functions.learning.optimizers import SGD as SGD
from pellucid.functions.learning.optimizers import Adagrad as Adagrad
from pellucid.functions.learning.optimizers import Adam as Adam
from pellucid.functions.learning.optimizers import AdamW as AdamW
from pellucid.functions.learning.optimizers import Lion as Lion
from pellucid.functions.learning.optimizers import Nadam as Nadam
from pellucid.functions.learning.optimizers import Optimizer as Optimizer
from pellucid.functions.learning.optimizers import RMSprop as RMSprop
from pellucid.functions.learning.penalties import L1 as L1
from pellucid.functions.learning.penalties import L1L2 as L1L2
from pellucid.functions.learning.penalties import L2 as L2
from pellucid.habits import public_hint as _public_hint
from pellucid.layers import GRU as GRU
from pellucid.layers import LSTM as LSTM
from pellucid.layers import RNN as RNN
from pellucid.layers import Activation as Activation
from pellucid.layers import Add as Add
from pellucid.layers import Average as Average
from pellucid.layers import AveragePool1D as AveragePool1D
from pellucid.layers import AveragePool2D as AveragePool2D
from pellucid.layers import BatchNormalization as BatchNormalization
from pellucid.layers import Bidirectional as Bidirectional
from pellucid.layers import Concatenate as Concatenate
from pellucid.layers import Conv1D as Conv1D
from pellucid.layers import Conv2D as Conv2D
from pellucid.layers import ConvTranspose1D as ConvTranspose1D
from pellucid.layers import ConvTranspose2D as ConvTranspose2D
from pellucid.layers import Cropping1D as Cropping1D
from pellucid.layers import Cropping2D as Cropping2D
from pellucid.layers import Dense as Dense
from pellucid.layers import DepthwiseConv1D as DepthwiseConv1D
from pellucid.layers import DepthwiseConv2D as DepthwiseConv2D
from pellucid.layers import Dropout as Dropout
from pellucid.layers import Embedding as Embedding
from pellucid.layers import FinalState as FinalState
from pellucid.layers import Flatten as Flatten
from pellucid.layers import GaussianNoise as GaussianNoise
from pellucid.layers import GlobalAveragePool as GlobalAveragePool
from pellucid.layers import GlobalMaxPool as GlobalMaxPool
from pellucid.layers import GroupNormalization as GroupNormalization
from pellucid.layers import Input as Input
from pellucid.layers import Layer as Layer
from pellucid.layers import LayerNormalization as LayerNormalization
from pellucid.layers import Masking as Masking
from pellucid.layers import Maximum as Maximum
from pellucid.layers import MaxPool1D as MaxPool1D
from pellucid.layers import MaxPool2D as MaxPool2D
from pellucid.layers import Minimum as Minimum
from pellucid.layers import MinPool1D as MinPool1D
from pellucid.layers import MinPool2D as MinPool2D
from pellucid.layers import MultiHeadAttention as MultiHeadAttention
from pellucid.layers import Multiply as Multiply
from pellucid.layers import Normalization as Normalization
from pellucid.layers import Parameter as Parameter
from pellucid.layers import Permute as Permute
from pellucid.layers import PReLU as PReLU
from pellucid.layers import RepeatVector as RepeatVector
from pellucid.layers import Reshape as Reshape
from pellucid.layers import SeparableConv1D as SeparableConv1D
from pellucid.layers import SeparableConv2D as SeparableConv2D
from pellucid.layers import SpatialDropout1D as SpatialDropout1D
from pellucid.layers import SpatialDropout2D as SpatialDropout2D
from pellucid.layers import Subtract as Subtract
from pellucid.layers import UpSampling1D as UpSampling1D
from pellucid.layers import UpSampling2D as UpSampling2D
from pellucid.layers import ZeroPadding1D as ZeroPadding1D
from pellucid.layers import ZeroPadding2D as ZeroPadding2D
from pellucid.model import Network as Network
from pellucid.model import Neuron as Neuron
from pellucid.model import from_keras as from_keras
from pellucid.model import from_onnx as from_onnx
from pellucid.model import from_torch as from_torch
from pellucid.model import load as load
from pellucid.training import Callback as Callback
from pellucid.training import Checkpoint as Checkpoint
from pellucid.training import CosineDecay as CosineDecay
from pellucid.training import EarlyStopping as EarlyStopping
from pellucid.training import ExponentialDecay as ExponentialDecay
from pellucid.training import History as History
from pellucid.training import LearningRateSchedule as LearningRateSchedule
from pellucid.training import ReduceLROnPlateau as ReduceLROnPlateau
from pellucid.training import StepDecay as StepDecay
from pellucid.training import WarmUp as WarmUp

if _typing.TYPE_CHECKING:
    from pellucid import data as data

__version__ = "0.1.0"
__all__ = [
    name for name, value in list(globals().items()) if name[0] not in "_@" and not isinstance(value, _types.ModuleType)
]


def __getattr__(name: str) -> _typing.Any:
    if name == "data":  # imported when it is asked for: a network needs none of it
        return _importlib.import_module("pellucid.data")
    hint = "" if name.startswith("_") else _public_hint(name, __all__)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), "data"})
