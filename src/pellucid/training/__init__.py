"""Training: programs of a step, the loop, metrics, callbacks, history, checkpoints."""

from pellucid.functions.schedules import CosineDecay as CosineDecay
from pellucid.functions.schedules import ExponentialDecay as ExponentialDecay
from pellucid.functions.schedules import StepDecay as StepDecay
from pellucid.functions.schedules import WarmUp as WarmUp
from pellucid.training.callbacks import Callback as Callback
from pellucid.training.callbacks import Checkpoint as Checkpoint
from pellucid.training.callbacks import EarlyStopping as EarlyStopping
from pellucid.training.callbacks import LearningRateSchedule as LearningRateSchedule
from pellucid.training.callbacks import ReduceLROnPlateau as ReduceLROnPlateau
from pellucid.training.evaluation import evaluate as evaluate
from pellucid.training.evaluation import gradients as gradients
from pellucid.training.evaluation import predict as predict
from pellucid.training.fit import fit as fit
from pellucid.training.history import History as History
from pellucid.training.learning_rates import find_learning_rate as find_learning_rate
from pellucid.training.metrics import METRICS as METRICS
from pellucid.training.stepping import Stepper as Stepper
from pellucid.training.stepping import stepper as stepper
from pellucid.training.steps import evaluation_program as evaluation_program
from pellucid.training.steps import gradient_program as gradient_program
from pellucid.training.steps import prediction_program as prediction_program
from pellucid.training.steps import training_program as training_program
