"""Training: programs of a step, the loop, metrics, callbacks, history, checkpoints."""

from pellucid.functions.learning.schedules import CosineDecay as CosineDecay
from pellucid.functions.learning.schedules import ExponentialDecay as ExponentialDecay
from pellucid.functions.learning.schedules import StepDecay as StepDecay
from pellucid.functions.learning.schedules import WarmUp as WarmUp
from pellucid.training.callbacks.base import Callback as Callback
from pellucid.training.callbacks.checkpointing import Checkpoint as Checkpoint
from pellucid.training.callbacks.early_stopping import EarlyStopping as EarlyStopping
from pellucid.training.callbacks.plateau import ReduceLROnPlateau as ReduceLROnPlateau
from pellucid.training.callbacks.scheduling import LearningRateSchedule as LearningRateSchedule
from pellucid.training.evaluation import evaluate as evaluate
from pellucid.training.evaluation import gradients as gradients
from pellucid.training.evaluation import predict as predict
from pellucid.training.fit import fit as fit
from pellucid.training.learning_rate_finder import find_learning_rate as find_learning_rate
from pellucid.training.metrics import METRICS as METRICS
from pellucid.training.on_batch import test_on_batch as test_on_batch
from pellucid.training.on_batch import train_on_batch as train_on_batch
from pellucid.training.programs import evaluation_program as evaluation_program
from pellucid.training.programs import gradient_program as gradient_program
from pellucid.training.programs import prediction_program as prediction_program
from pellucid.training.programs import training_program as training_program
from pellucid.training.running.history import History as History
from pellucid.training.stepper import Stepper as Stepper
from pellucid.training.stepper import stepper as stepper
