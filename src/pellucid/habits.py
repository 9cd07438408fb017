"""What people write who know Keras, PyTorch or scikit-learn, and how it is spelled here.

One table and one check serve all that is called with arguments: layers, optimizers, callbacks and schedules have the
metaclass `Spelled`, functions the decorator `spelled`, and the registries of `functions/` ask for the same hints.
"""

from __future__ import annotations

import functools
import inspect
from abc import ABCMeta
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from pellucid.errors import PellucidError, nearest

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

SPELLINGS: dict[str, tuple[str, ...]] = {
    "activation_fn": ("activation",),
    "affine": ("scale",),
    "alpha": ("slope", "final", "rho"),
    "batch": ("batch_size",),
    "bias": ("use_bias",),
    "callback": ("callbacks",),
    "class_weights": ("class_weight",),
    "clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "criterion": ("loss",),
    "decay_rate": ("factor",),
    "decay_steps": ("every", "length"),
    "depthwise_initializer": ("kernel_initializer",),
    "depthwise_regularizer": ("kernel_regularizer",),
    "dilation": ("dilation_rate",),
    "embedding_dim": ("output_dim",),
    "end_learning_rate": ("final",),
    "eps": ("epsilon",),
    "eta_min": ("final",),
    "filepath": ("path",),
    "gamma": ("factor",),
    "global_clipnorm": ("clip_norm",),
    "heads": ("num_heads",),
    "hidden_size": ("units",),
    "initial_learning_rate": ("initial",),
    "kernel": ("kernel_size",),
    "key_size": ("key_dim",),
    "loss_fn": ("loss",),
    "lr": ("learning_rate",),
    "max_epochs": ("epochs",),
    "max_grad_norm": ("clip_norm",),
    "max_iter": ("epochs",),
    "merge": ("merge_mode",),
    "n_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "negative_slope": ("slope",),
    "nonlinearity": ("activation",),
    "num_groups": ("groups",),
    "num_embeddings": ("input_dim",),
    "num_epochs": ("epochs",),
    "opt": ("optimizer",),
    "optim": ("optimizer",),
    "out_channels": ("filters",),
    "out_features": ("units",),
    "p": ("rate",),
    "pointwise_initializer": ("kernel_initializer",),
    "pointwise_regularizer": ("kernel_regularizer",),
    "pool": ("pool_size",),
    "random_state": ("seed",),
    "recurrent_activation": ("gate_activation",),
    "save_path": ("path",),
    "scale_factor": ("size",),
    "scorer": ("metrics",),
    "scoring": ("metrics",),
    "shape": ("input_shape",),
    "sigma": ("stddev",),
    "std": ("stddev",),
    "step_size": ("every",),
    "stride": ("strides",),
    "t_max": ("length",),
    "target_shape": ("shape",),
    "test_size": ("validation_split",),
    "threshold": ("min_delta",),
    "tol": ("min_delta",),
    "val_data": ("validation_data",),
    "val_split": ("validation_split",),
    "validation": ("validation_data",),
    "validation_fraction": ("validation_split",),
    "warmup_steps": ("length",),
    "weights": ("sample_weight",),
}
"""Another library's name of an argument, in small letters, and those that mean it here."""

NOTES: dict[str, str] = {
    "affine": "center=… and scale=… say whether there are β and γ",
    "amsgrad": "there is no such variant",
    "axis": "it is always the last axis",
    "baseline": "it compares with the best epoch alone",
    "batch_first": "the batch is always the first axis",
    "batch_input_shape": "give the network input_shape=…, without the batch axis",
    "batch_norm": "put a BatchNormalization layer after it",
    "batch_shape": "give the shape without the batch axis",
    "betas": "write beta_1=…, beta_2=…",
    "bidirectional": "write Bidirectional(LSTM(…))",
    "clip_norm": "give fit clip_norm=…",
    "clipnorm": "give fit clip_norm=…",
    "clipvalue": "give fit clip_value=…",
    "data_format": "channels are always the last axis",
    "decay": "give a schedule as learning_rate, such as ExponentialDecay(…)",
    "device": "programs run on this machine's processor",
    "dropout": "put a Dropout layer beside it",
    "early_stopping": "write callbacks=[EarlyStopping()]",
    "from_logits": 'it is read off the last layer: "linear" gives logits, "softmax" and "sigmoid" do not',
    "global_clipnorm": "give fit clip_norm=…",
    "in_channels": "it is read off the layer before",
    "in_features": "it is read off the layer before",
    "input_dim": "give the network input_shape=…",
    "input_length": "it is read off the network's input_shape",
    "input_shape": "give it to the network",
    "input_size": "it is read off the layer before",
    "label_smoothing": 'give it to the loss, loss=pl.loss("crossentropy", label_smoothing=0.1)',
    "layers": "give the layers one after the other, Network(Dense(8), Dense(1), input_shape=…)",
    "learning_rate": "give the optimizer its rate, optimizer=Adam(learning_rate=…)",
    "lr": "give the optimizer its rate, optimizer=Adam(learning_rate=…)",
    "model": "call it on the network, net.fit(…)",
    "momentum": "give the optimizer its momentum, optimizer=SGD(momentum=…)",
    "normalized_shape": "it is read off the layer before",
    "num_features": "it is read off the layer before",
    "num_parameters": "it is read off the layer before; shared_axes says which values have one slope",
    "num_layers": "put several layers one after the other",
    "padding_idx": "write mask_zero=True, which takes 0 as padding",
    "params": "the network gives an optimizer its parameters; only settings are given here",
    "reduction": "the loss is the mean over the examples",
    "return_state": "recurrent layers give their states",
    "save_best_only": "ModelCheckpoint has it; EarlyStopping keeps the best weights, Checkpoint the whole training",
    "save_freq": "Checkpoint has every_epochs=… and every_steps=…",
    "save_weights_only": "net.save(path) writes the weights; Checkpoint the whole training",
    "seed": "give it to the network, which draws all random numbers",
    "stateful": "recurrent layers carry a state from batch to batch",
    "validation_freq": "every epoch is validated",
    "verbose": "it says nothing",
    "weight_decay": "take AdamW, or a kernel_regularizer of the layers",
    "workers": "it takes the threads that it needs by itself",
}
"""Another library's name of an argument, and what to do where no other argument means it."""

ATTRIBUTES: dict[str, str] = {
    "add": "give Network its layers when it is made",
    "backward": "net.gradients(x, y) gives the gradients by path",
    "bias": 'the network has it, net.parameters["dense_1.bias"]',
    "call": "its formula is what it computes",
    "children": "see net.layers",
    "compile": "give optimizer, loss and metrics to fit",
    "eval": "fit and predict know by themselves whether they train",
    "cpu": "programs run on this machine's processor",
    "cuda": "programs run on this machine's processor",
    "fit_generator": "fit takes batches too, net.fit(generator)",
    "forward": "net.predict(x) computes",
    "get_weights": "read net.parameters, by path",
    "gradient": "net.gradients(x, y) gives them by path",
    "input_shape": "see net.input_shapes",
    "kernel": 'the network has it, net.parameters["dense_1.kernel"]',
    "named_parameters": "read net.parameters, by path",
    "pop": "give Network its layers when it is made",
    "predict_classes": "net.predict(x).argmax(axis=-1) gives them",
    "load_state_dict": "assign to net.parameters, by path",
    "load_weights": "pl.load(path) gives the network",
    "loss": "give it to fit",
    "model": "it is self.training.net",
    "optimizer": "give it to fit",
    "output_shape": "see net.output_shapes",
    "params": "they are self.training.history.params",
    "predict_proba": "predict gives probabilities where the last layer does",
    "requires_grad": "set trainable",
    "requires_grad_": "set trainable",
    "save_weights": "net.save(path) writes the network with its weights",
    "score": "evaluate(x, y, metrics=[…]) gives it",
    "set_weights": "assign to net.parameters, by path",
    "state_dict": "read net.parameters, by path",
    "stop_training": 'call self.training.stop("why") in a callback',
    "to_json": "net.config() is the architecture, net.save(path) writes it with the weights",
    "to": "programs run on this machine's processor",
    "train": "fit and predict know by themselves whether they train",
    "train_on_batch": "fit trains on the arrays that it is given, in steps of batch_size",
    "zero_grad": "every step computes its gradients anew",
    "trainable_variables": "see net.parameters.trainable",
    "trainable_weights": "see net.parameters.trainable",
    "training": "fit and predict know by themselves whether they train",
    "variables": "read net.parameters, by path",
    "weight": 'the network has it, net.parameters["dense_1.kernel"]',
    "weights": "read net.parameters, by path",
}
"""Another library's attribute of a layer, a network or a callback, and what to do instead."""

NAMES: dict[str, str] = {
    "AveragePooling1D": "AveragePool1D",
    "AveragePooling2D": "AveragePool2D",
    "AveragePooling3D": "AveragePool3D",
    "AvgPool1d": "AveragePool1D",
    "AvgPool2d": "AveragePool2D",
    "AvgPool3d": "AveragePool3D",
    "BatchNorm": "BatchNormalization",
    "BatchNorm1d": "BatchNormalization",
    "BatchNorm2d": "BatchNormalization",
    "BatchNorm3d": "BatchNormalization",
    "Conv1DTranspose": "ConvTranspose1D",
    "Conv1d": "Conv1D",
    "Conv2DTranspose": "ConvTranspose2D",
    "Conv2d": "Conv2D",
    "Conv3DTranspose": "ConvTranspose3D",
    "Conv3d": "Conv3D",
    "ConvTranspose1d": "ConvTranspose1D",
    "ConvTranspose2d": "ConvTranspose2D",
    "ConvTranspose3d": "ConvTranspose3D",
    "Dropout2d": "SpatialDropout2D",
    "Dropout3d": "SpatialDropout3D",
    "GlobalAveragePooling1D": "GlobalAveragePool",
    "GlobalAveragePooling2D": "GlobalAveragePool",
    "GlobalAveragePooling3D": "GlobalAveragePool",
    "GlobalMaxPooling1D": "GlobalMaxPool",
    "GlobalMaxPooling2D": "GlobalMaxPool",
    "GlobalMaxPooling3D": "GlobalMaxPool",
    "LayerNorm": "LayerNormalization",
    "LearningRateScheduler": "LearningRateSchedule",
    "Linear": "Dense",
    "MaxPool1d": "MaxPool1D",
    "MaxPool2d": "MaxPool2D",
    "MaxPool3d": "MaxPool3D",
    "MaxPooling1D": "MaxPool1D",
    "MaxPooling2D": "MaxPool2D",
    "MaxPooling3D": "MaxPool3D",
    "Model": "Network",
    "Module": "Network",
    "MultiheadAttention": "MultiHeadAttention",
    "Swish": "silu",
    "swish": "silu",
    "SiLU": "silu",
    "GELU": "gelu",
    "ELU": "elu",
    "SELU": "selu",
    "Mish": "mish",
    "LeakyReLU": "leaky_relu",
    "Hardsigmoid": "hard_sigmoid",
    "Softplus": "softplus",
    "LogSoftmax": "log_softmax",
    "GroupNorm": "GroupNormalization",
    "Upsample": "UpSampling2D",
    "ZeroPad2d": "ZeroPadding2D",
    "add": "Add",
    "average": "Average",
    "concatenate": "Concatenate",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "multiply": "Multiply",
    "subtract": "Subtract",
    "load_model": "load",
    "ReLU": "relu",
    "Sequential": "Network",
    "Sigmoid": "sigmoid",
    "SimpleRNN": "RNN",
    "Softmax": "softmax",
    "StepLR": "StepDecay",
    "Tanh": "tanh",
}
"""Another library's name of something public, and the name here."""

ELSEWHERE: dict[str, str] = {
    "BCELoss": 'give fit loss="binary_crossentropy"',
    "BCEWithLogitsLoss": 'give fit loss="binary_crossentropy"; a linear last layer gives logits',
    "CrossEntropyLoss": 'give fit loss="crossentropy"',
    "DataLoader": "give fit arrays, and batch_size=…",
    "L1Loss": 'give fit loss="mae"',
    "Lambda": "write the formula as an activation, @pl.activation, or as a layer of your own, class Mine(pl.Layer)",
    "MLPClassifier": "from pellucid.estimators import NetworkClassifier",
    "MLPRegressor": "from pellucid.estimators import NetworkRegressor",
    "MSELoss": 'give fit loss="mse"',
    "TimeDistributed": "Dense and Activation treat each step of a sequence by itself",
    "keras": "layers, optimizers and callbacks stand in pellucid itself, pl.Dense(…)",
    "models": "write pl.Network(…), and pl.load(path)",
    "nn": "layers stand in pellucid itself, pl.Dense(…)",
    "no_grad": "predict computes no gradients",
    "optim": "optimizers stand in pellucid itself, pl.Adam(…)",
    "optimizers": "optimizers stand in pellucid itself, pl.Adam(…)",
    "tensor": "fit and predict take NumPy arrays",
}
"""Another library's public name of which there is no like, and what to do instead."""

HOOKS: dict[str, str] = {
    "on_after_backward": "on_batch_end",
    "on_batch_begin": "on_epoch_begin",
    "on_fit_end": "on_train_end",
    "on_fit_start": "on_train_begin",
    "on_step_begin": "on_epoch_begin",
    "on_step_end": "on_batch_end",
    "on_test_end": "on_epoch_end",
    "on_train_batch_begin": "on_epoch_begin",
    "on_train_batch_end": "on_batch_end",
    "on_train_batch_start": "on_epoch_begin",
    "on_train_epoch_end": "on_epoch_end",
    "on_train_epoch_start": "on_epoch_begin",
    "on_train_start": "on_train_begin",
    "on_validation_end": "on_epoch_end",
    "on_validation_epoch_end": "on_epoch_end",
}
"""Another library's hook of a callback, and the nearest one here."""


def hint(word: str, known: Iterable[str]) -> str:
    """What follows "there is no argument WORD.": the spelling here, a note, the nearest word, or all there are."""
    names = list(known)
    key = word.lower()
    here = [name for name in SPELLINGS.get(key, ()) if name in names]
    if here:
        return f" Write {here[0]}=…."
    if key in NOTES:
        return f" {NOTES[key][0].upper()}{NOTES[key][1:]}."
    return nearest(word, names) or (f" It takes {', '.join(names)}." if names else " It takes none.")


def public_hint(word: str, known: Iterable[str]) -> str:
    """What follows "pellucid has no WORD": the name here, or the nearest."""
    if word in ELSEWHERE:
        return f": {ELSEWHERE[word]}."
    return f". It is called {NAMES[word]} here." if word in NAMES else f".{nearest(word, known)}".rstrip(".")


def check_call(name: str, signature: inspect.Signature, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
    """Refuse arguments that a function of this signature does not take, with the spelling of those that it does.

    Raises:
        PellucidError: an unknown argument, one too many, or one that is missing.
    """
    try:
        signature.bind(*args, **given)
        return
    except TypeError as error:
        problem = str(error)
    parameters = list(signature.parameters.values())
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    by_place = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if unknown := [word for word in given if word not in by_name]:
        raise PellucidError(f"{name} has no argument {unknown[0]}.{hint(unknown[0], by_name)}")
    open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(args) > len(by_place) and not open_ended:
        places = f"{', '.join(by_place)} by position" if by_place else "nothing by position"
        rest = [word for word in by_name if word not in by_place]
        others = f"; give {', '.join(rest)} by name" if rest else ""
        raise PellucidError(f"{name} takes {places}, got {len(args)} arguments{others}")
    required = [p.name for p in parameters if p.default is p.empty and p.name in by_name]
    taken = {*by_place[: len(args)], *given}
    if missing := [word for word in required if word not in taken]:
        raise PellucidError(f"{name} needs {' and '.join(missing)}: {name}({', '.join(f'{w}=…' for w in required)})")
    raise PellucidError(f"{name}: {problem}")


def spelled(function: Callable[P, R]) -> Callable[P, R]:
    """A function that names the right spelling of arguments that it does not take."""
    signature = inspect.signature(function)
    known = list(signature.parameters.values())
    places = [p.name for p in known if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = {p.name for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    required = {p.name for p in known if p.default is p.empty}

    @functools.wraps(function)
    def checked(*args: P.args, **given: P.kwargs) -> R:
        first = set(places[: len(args)])  # much quicker than to bind them
        plain = len(args) <= len(places) and given.keys() <= names and first.isdisjoint(given)
        if not plain or not required <= first.union(given):
            check_call(function.__name__, signature, args, given)
        return function(*args, **given)

    return checked


def _making(cls: type[Any]) -> Callable[..., object]:
    """What takes the arguments of a class."""
    return object if cls.__init__ is object.__init__ else functools.partial(cls.__init__, None)


class Spelled(ABCMeta):
    """The class of classes that name the right spelling of arguments, and whose objects are complete once made."""

    def __call__(cls: type[T], *args: Any, **given: Any) -> T:
        check_call(cls.__name__, inspect.signature(_making(cls)), args, given)
        made: T = type.__call__(cls, *args, **given)
        if hasattr(made, "__dict__"):
            vars(made)["_complete"] = True
        return made

    @property
    def __signature__(cls) -> inspect.Signature:  # that of the class, not of the __call__ above
        return inspect.signature(_making(cls))


def check_attribute(owner: object, name: str, *, fixed: Iterable[str] = ()) -> None:
    """Refuse to set an attribute that means nothing, or that is fixed once the object is made.

    Raises:
        PellucidError: with the right spelling, where there is one.
    """
    if "_complete" not in vars(owner) or name.startswith("_"):
        return
    kind = type(owner).__name__
    if name in fixed:
        raise PellucidError(f"{name} of {kind} is fixed when it is made: make another {kind}")
    if name in vars(owner) or hasattr(type(owner), name):
        return
    known = [word for word in {*vars(owner), *dir(type(owner))} if not word.startswith("_")]
    note = f": {ATTRIBUTES[name]}." if name in ATTRIBUTES else f".{nearest(name, sorted(known))}"
    raise PellucidError(f"{kind} has no attribute {name} that could be set{note}")


def no_attribute(owner: object, name: str) -> AttributeError:
    """The error of an attribute that is not there."""
    note = f"; {ATTRIBUTES[name]}" if name in ATTRIBUTES else ""
    return AttributeError(f"{type(owner).__name__} has no attribute {name}{note}")
