"""scikit-learn's callbacks (from 1.9 on): an epoch, or an iteration of L-BFGS, is a task of the fit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
    from sklearn.callback import with_callbacks as with_callbacks
except ImportError:  # scikit-learn before 1.9 has none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's own."""

        def set_callbacks(self, *callbacks: Any) -> None:
            if callbacks:
                raise TypeError("scikit-learn's callbacks came with scikit-learn 1.9: update it to set them.")

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        return method


@dataclass
class FitHooks:
    """The callbacks of one fit, told where it is.

    Args:
        x, y: the training data, as callbacks see them.
        weight: the weights that came with them.
        max_iter: the most epochs or iterations.
    """

    estimator: Any
    x: Any
    y: Any
    weight: Any
    max_iter: int
    _context: Any = None
    _metadata: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> FitHooks:
        if getattr(self.estimator, "_skl_callbacks", None):
            self._context = self.estimator._init_callback_context(max_subtasks=self.max_iter)
            self._metadata = {} if self.weight is None else {"sample_weight": self.weight}
            self._tell(self._context.call_on_fit_task_begin)
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if self._context is not None and kind is None:
            self._tell(self._context.call_on_fit_task_end)

    def iteration(self) -> bool:
        """One more is done; gives whether a callback wants to stop."""
        if self._context is None:
            return False
        task = self._context.subcontext(task_name="epoch")
        self._tell(task.call_on_fit_task_begin)
        return bool(self._tell(task.call_on_fit_task_end))

    def _tell(self, hook: Callable[..., Any]) -> Any:
        # lazily: a copy of the networks is made only for callbacks that ask for a fitted estimator
        return hook(
            estimator=self.estimator,
            X=self.x,
            y=self.y,
            metadata=self._metadata,
            reconstruction_attributes=self._fitted,
        )

    def _fitted(self) -> dict[str, Any]:
        names = self.estimator.fitted_networks
        return copy.deepcopy({name: getattr(self.estimator, name) for name in names})  # together: they share layers
