"""ONNX where it says the same and is not slower, else skops; never a pickle. Why it became skops is part of the record.

A converter can be wrong without an error (categories inside HistGradientBoosting), so nothing is believed: the graph
answers at least 1,000 rows, with missing numbers and words it never saw, and every label must agree.
"""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training import predictor
from trimtab.jobs.training.predictor import Predictor
from trimtab.jobs.training.roles import ClassName
from trimtab.jobs.training.said import Said, ask
from trimtab.store.model import SKOPS_TRUSTED, Format

TOLERANCE = 1e-5
"""Largest difference of a probability; of a value, relative to the spread of the values. float32 gives 1e-7 to 1e-6."""

PARITY_ROWS = 1000
INJECTED = 0.05
"""Share of the values of each column that are made missing, or into a word nobody has seen."""

PROBES = (
    (INJECTED, INJECTED, ""),
    (INJECTED, 0.0, "; the model takes no word that it has not seen"),
    (0.0, INJECTED, "; the model takes no missing number"),
    (0.0, 0.0, "; the model takes neither missing numbers nor words that it has not seen"),
)
"""What is tried, hardest first: share of missing numbers, share of unseen words, and what is to be known where it stops here."""

TIMED_ROWS = 30
SLOWER = 1.5
"""One row in ONNX Runtime may take so much longer before it counts as slower: two quick things in a noisy pod."""

UNSEEN = "never seen in training \N{SNOWMAN}"


@dataclass(frozen=True)
class Exported:
    """The model file; `note` says why it is not ONNX, or how well ONNX agrees."""

    form: Format
    content: bytes
    columns: tuple[str, ...]
    classes: tuple[ClassName, ...]
    probability: bool
    note: str
    predictor: Predictor
    opset: int | None = None


def export(estimator: Any, sample: pd.DataFrame, seed: int) -> Exported:
    """The estimator as a file that agrees with it on `sample` (features of the test rows)."""
    probed, expected, remark = _answered(estimator, sample[list(columns_of(estimator, sample))], seed)
    objection, content, graph = _converted(estimator, probed, expected)
    if graph is not None and not objection:
        return _exported("onnx", content, f"{_agreement(graph(probed), expected)}{remark}", expected, graph)
    content = to_skops(estimator)
    return _exported("skops", content, f"{objection}{remark}", expected, predictor.skops(content, list(probed.columns)))


def _answered(estimator: Any, sample: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, Said, str]:
    """The hardest rows that the estimator answers, what it says, and what it does not take: a person's own pipeline may refuse gaps."""
    refusal = ""
    for number, unseen, remark in PROBES:
        probed = probes(sample, seed, number, unseen)
        try:
            return probed, ask(estimator, probed), remark
        except (ValueError, TypeError, KeyError) as error:
            refusal = refusal or f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    raise UserFault(Reason.TRAINING_FAILED, f"spec.trainer: the fitted model cannot answer the test rows: {refusal}")


def _exported(form: Format, content: bytes, note: str, said: Said, answers: Predictor) -> Exported:
    return Exported(form, content, answers.columns, said.classes, said.probability is not None, note, answers, _opset(content) if form == "onnx" else None)


def columns_of(estimator: Any, sample: pd.DataFrame) -> tuple[str, ...]:
    """The columns the estimator wants: those it was fitted on, in its order; all of them where it does not say."""
    return tuple(getattr(estimator, "feature_names_in_", sample.columns))


def probes(sample: pd.DataFrame, seed: int, missing: float = INJECTED, unseen: float = INJECTED) -> pd.DataFrame:
    """At least 1,000 rows like these; in every column a share of the numbers is missing, or of the words was never seen."""
    rng = np.random.default_rng(seed)
    repeated = sample.iloc[np.resize(np.arange(len(sample)), max(PARITY_ROWS, len(sample)))].reset_index(drop=True)
    for name in repeated.columns:
        numeric = repeated[name].dtype == np.float32
        hit = np.asarray(rng.random(len(repeated)) < (missing if numeric else unseen))
        repeated[name] = repeated[name].mask(hit, np.float32(np.nan) if numeric else UNSEEN)
    return repeated


def to_onnx(estimator: Any, sample: pd.DataFrame) -> bytes:
    """A graph with one input a column, named as the column, and outputs `label` and `probability`, or `prediction`."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [(name, (FloatTensorType if sample[name].dtype == np.float32 else StringTensorType)([None, 1])) for name in sample.columns]
    wrapped = estimator if _takes_columns(estimator) else _in_columns(estimator, sample)
    classifier, scored = hasattr(estimator, "classes_"), hasattr(estimator, "predict_proba")
    options = {id(_last(estimator)): {"zipmap": False}} if scored else None
    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    graph = skl2onnx.convert_sklearn(wrapped, initial_types=types, options=options)
    answers = ["label", "probability"][: 1 + scored] if classifier else ["prediction"]
    return _renamed(graph, list(sample.columns), answers)


def to_skops(estimator: Any) -> bytes:
    """A skops file that the serving image may load, or the sentence that says which part of it it may not."""
    import skops.io

    content: bytes = skops.io.dumps(estimator)
    strange = sorted(set(skops.io.get_untrusted_types(data=content)) - set(SKOPS_TRUSTED))
    if strange:
        raise UserFault(
            Reason.TRAINING_FAILED,
            f"spec.trainer: the model contains {', '.join(strange[:3])}, which serving does not load; use parts of scikit-learn, without functions or classes of your own.",
        )
    return content


def _converted(estimator: Any, probed: pd.DataFrame, expected: Said) -> tuple[str, bytes, Predictor | None]:
    """(why not ONNX or nothing, the graph, what answers with it)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = to_onnx(estimator, probed)
        graph = predictor.onnx(content, list(probed.columns), expected.classes)
        return objection_to(graph, estimator, probed, expected), content, graph
    except Exception as error:  # noqa: BLE001 (a converter fails in any way it likes; then it is skops)
        return f"not convertible to ONNX: {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}", b"", None


def objection_to(graph: Predictor, estimator: Any, probed: pd.DataFrame, expected: Said) -> str:
    """Why this graph must not be served; empty where it agrees and is not slower."""
    found = graph(probed)
    if expected.classes and (off := int((found.said.astype(object) != expected.said.astype(object)).sum())):
        return f"ONNX answers another label in {off} of {len(probed)} rows"
    if not (difference := largest_difference(found, expected)) <= TOLERANCE:
        return f"ONNX differs by {difference:.1e}, more than {TOLERANCE:.0e}"
    theirs, ours = _one_row(graph, probed), _one_row(lambda X: ask(estimator, X), probed)
    return f"ONNX takes {theirs * 1e3:.2g} ms a row, scikit-learn {ours * 1e3:.2g} ms" if theirs > SLOWER * ours else ""


def largest_difference(found: Said, expected: Said) -> float:
    """Of probabilities; of values in units of their spread; 0 where there are labels only. NaN where one side is NaN."""
    if expected.classes:
        return 0.0 if expected.probability is None else float(np.abs(found.probability - expected.probability).max())
    scale = max(float(np.abs(expected.said).max()), float(np.finfo(np.float32).tiny))
    return float(np.abs(found.said - expected.said).max() / scale)


def _agreement(found: Said, expected: Said) -> str:
    return f"ONNX agrees on {len(expected.said)} rows, largest difference {largest_difference(found, expected):.1e}"


def _one_row(answer: Callable[[pd.DataFrame], Any], probed: pd.DataFrame) -> float:
    """Median seconds for a single row."""
    took = []
    for row in range(min(TIMED_ROWS, len(probed))):
        one = probed.iloc[row : row + 1]
        start = time.perf_counter()
        answer(one)
        took.append(time.perf_counter() - start)
    return float(np.median(took))


def _takes_columns(estimator: Any) -> bool:
    """Only a ColumnTransformer tells columns apart; anything else wants one matrix."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    return isinstance(estimator, Pipeline) and isinstance(estimator.steps[0][1], ColumnTransformer)


def _in_columns(estimator: Any, sample: pd.DataFrame) -> Any:
    """The same estimator behind a ColumnTransformer that only puts the columns side by side."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    together = ColumnTransformer([("columns", "passthrough", list(sample.columns))]).fit(sample)
    return Pipeline([("columns", together), *(estimator.steps if isinstance(estimator, Pipeline) else [("model", estimator)])])


def _last(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return steps[-1][1] if steps else estimator


def _renamed(graph: Any, columns: Sequence[str], answers: Sequence[str]) -> bytes:
    """The converter makes identifiers of names (`dep time` -> `dep_time`); inputs get the columns' own names back."""
    new_names = {each.name: name for each, name in zip(graph.graph.input, columns, strict=True)}
    outputs = {each.name: name for each, name in zip(graph.graph.output, answers, strict=False)}
    taken = {name for node in graph.graph.node for name in node.output} - set(outputs)
    new_names |= {name: f"{name}__inside" for name in taken & (set(columns) | set(answers))} | outputs
    for node in graph.graph.node:
        node.input[:] = [new_names.get(name, name) for name in node.input]
        node.output[:] = [new_names.get(name, name) for name in node.output]
    for each in (*graph.graph.input, *graph.graph.output):
        each.name = new_names.get(each.name, each.name)
    del graph.graph.output[len(answers) :]
    return bytes(graph.SerializeToString())


def _opset(content: bytes) -> int:
    import onnx

    return max(int(each.version) for each in onnx.load_from_string(content).opset_import if not each.domain)
