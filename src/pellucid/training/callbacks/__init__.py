"""Callbacks: what happens beside the steps of a training, one kind a file."""

from pellucid.training.callbacks.base import Callback as Callback
from pellucid.training.callbacks.checkpointing import Checkpoint as Checkpoint
from pellucid.training.callbacks.csv_logger import CSVLogger as CSVLogger
from pellucid.training.callbacks.early_stopping import EarlyStopping as EarlyStopping
from pellucid.training.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from pellucid.training.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from pellucid.training.callbacks.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from pellucid.training.callbacks.scheduling import LearningRateSchedule as LearningRateSchedule
from pellucid.training.callbacks.tensor_board import TensorBoard as TensorBoard
