"""What a model is trained to predict: one module for each objective, named as in ``--loss``.

A module brings its kernel, rates, matrices, scoring and figures, as ``OBJECTIVE``, a class derived
from :class:`w2v_online.learning.objectives.base.Objective`. Its name in
:data:`w2v_online.config.Loss` registers it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from w2v_online.learning.objectives.base import Objective


def objective_class(loss: str) -> type[Objective]:
    """The objective of this name."""
    objective: type[Objective] = import_module(f"{__name__}.{loss}").OBJECTIVE
    return objective
