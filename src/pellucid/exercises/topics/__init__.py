"""The topics of exercises, in the order of a course: each draws one."""

from collections.abc import Callable, Mapping

from pellucid.exercises.drawing import Draft, Draw
from pellucid.exercises.topics import backwards, cross_entropy, neurons, recurrences, slides, updates
from pellucid.messages import Message, gettext

TOPICS: Mapping[str, tuple[Callable[[Draw], Draft], Message]] = {
    "neuron": (neurons.neuron, gettext("a neuron's output")),
    "activation": (neurons.value, gettext("an activation's value")),
    "slope": (neurons.slope, gettext("an activation's derivative")),
    "delta": (backwards.delta, gettext("δ of a hidden unit")),
    "backprop": (backwards.backprop, gettext("backpropagation through a 2-2-1 network and one update")),
    "sgd": (updates.sgd, gettext("a step of gradient descent on a batch of two")),
    "momentum": (updates.momentum, gettext("a step with momentum")),
    "adam": (updates.adam, gettext("a step of Adam")),
    "softmax": (cross_entropy.softmax, gettext("softmax with cross-entropy, the loss or its gradient")),
    "size": (slides.size, gettext("the size of what a convolution gives")),
    "convolution": (slides.convolution, gettext("a kernel slid by hand, with stride and padding")),
    "pooling": (slides.pooling, gettext("pooling: maximum, minimum or mean")),
    "rnn": (recurrences.rnn, gettext("a step of a recurrent network")),
    "lstm": (recurrences.lstm, gettext("a step of an LSTM")),
}
"""By name: what draws it, and what it is in a few words."""
