"""How many rows a model answers on the event loop itself: measured at the start, for models differ a thousandfold.

While the loop works on a row it reads no other request, so it may not work long; a hand-over to a thread costs a tenth of
a millisecond, so what is quick should stay. ONNX models answer 64 rows in a millisecond; some pipelines of scikit-learn
take twenty for one.
"""

import time
from dataclasses import replace
from itertools import cycle, islice, takewhile
from typing import Any

from trimtab_serving.model import INLINE_ROWS, Model, example, inputs_of
from trimtab_serving.tensors import width

INLINE_SECONDS = 0.005
"""So long may other requests wait for one that is answered inline."""
STEPS = (1, 4, 16, INLINE_ROWS)
TRIES = 3
"""The quickest of them counts: what else the machine does at its start says nothing about the model."""


def paced(model: Model) -> Model:
    """The model, with the rows that it answers inline; 0 where one takes too long."""
    quick = takewhile(lambda rows: _seconds(model, rows) <= INLINE_SECONDS, STEPS)
    return replace(model, inline_rows=max(quick, default=0))


def _seconds(model: Model, rows: int) -> float:
    request = model.protocol.decode(example(model.signature, _sample(model, rows)))
    return min(_timed(model, request) for _ in range(TRIES))


def _timed(model: Model, request: Any) -> float:
    begun = time.perf_counter()
    model.answer("", request, model.predict(request))
    return time.perf_counter() - begun


def _sample(model: Model, rows: int) -> dict[str, list[Any]]:
    """The model's own examples, over and over."""
    inputs = inputs_of(model)
    return {each.name: list(islice(cycle(inputs[each.name]), rows * max(width(each), 1))) for each in model.signature.inputs if each.name in inputs}
