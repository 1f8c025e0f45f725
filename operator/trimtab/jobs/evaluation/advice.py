"""What is recommended after an evaluation, and why: for the person who opens the report. The operator decides by itself.

Read from top to bottom: what is broken comes first, because nothing else can be concluded while it is.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from trimtab.jobs.evaluation.found import Found


class Advice(NamedTuple):
    """What to do, and why."""

    do: str
    why: str


def advise(found: Found) -> list[Advice]:
    """Every advice that applies, the most pressing first; there is always one."""
    return [advice for each in ADVICE if (advice := each(found))] or [_nothing(found)]


def clock_jumped(found: Found) -> Advice | None:
    return Advice("Look at the event times that clients send; conclude nothing from these windows.", found.jump) if found.jump else None


def served_wrongly(found: Found) -> Advice | None:
    replay = found.replayed.replay
    if replay is None or not replay.mismatched:
        return None
    why = f"{replay.mismatched} of {replay.replayed or replay.mismatched} logged predictions differ when they are computed again. {replay.detail}"
    return Advice("Find the bug between the request and the model, or restore the registered files. Do not retrain: a new model would have it too.", why)


def sent_wrongly(found: Found) -> Advice | None:
    parity = found.parity
    if parity is None or not parity.is_skew(found.document.spec.skew.feature_mismatch_percent):
        return None
    why = f"{parity.mismatched} of {parity.compared} rows were sent with other values than FeatureSet {parity.feature_set} has. {parity.detail}"
    return Advice("Find out where clients get these features from. Do not retrain: the next model would be asked with them too.", why)


def broken_columns(found: Found) -> Advice | None:
    faults = found.drift.faults
    if not faults:
        return None
    columns = ", ".join(dict.fromkeys(each.column for each in faults))
    return Advice(f"Mend what feeds {columns}. Do not retrain: it would teach the model the fault.", " ".join(each.detail for each in faults))


def worse_than_before(found: Found) -> Advice | None:
    judged = found.judged
    if judged is None or judged.outcome != "Worse":
        return None
    return Advice("Go back to the version before.", f"On {judged.labels} matured labels this one loses {-judged.gain:.4g} more a row, and not by chance.")


def lost_skill(found: Found) -> Advice | None:
    last, line = found.performance.last, found.performance.line
    if found.performance.reading != "Alarm" or last is None or line is None:
        return None
    return Advice("Retrain on everything so far, and compare on matured labels.", f"Skill is {last.judgement.skill}, two windows in a row below {line:.4g}.")


def moved_inputs(found: Found) -> Advice | None:
    if found.drift.reading != "Alarm":
        return None
    moved = ", ".join(each.name for each in (found.drift.last.features if found.drift.last else ()) if each.drifted) or "inputs"
    well = found.performance.reading == "Calm"
    do = "Look at what changed; retraining is not called for yet." if well else "Look at what changed, and wait for the labels of these windows."
    why = f"Requests differ from what the model learned from ({moved})"
    return Advice(do, f"{why}, and it answers as well as it promised." if well else f"{why}; drift alone does not say that answers are worse.")


def too_little_known(found: Found) -> Advice | None:
    last = found.drift.last
    if last is None:
        return Advice("Wait.", "No window has closed since the version began to serve.")
    if last.verdict == "DataInsufficient":
        return Advice("Wait for more requests, or make spec.window.duration longer.", f"{last.rows} rows are fewer than {found.drift.levels.min_rows}.")
    if last.verdict == "Learning":
        return Advice("Wait, or allow a larger spec.tests.alpha.", _learning(found))
    return None


def _learning(found: Found) -> str:
    if found.drift.reference is None:
        return "There is no profile of what this version learned from to compare with; its skill is judged all the same."
    missing = found.drift.last.missing_windows if found.drift.last else 0
    return f"The reference has {missing} windows too few to tell one in {1 / found.drift.levels.alpha:.0f}; skill is judged all the same."


def _nothing(found: Found) -> Advice:
    if found.performance.reading == "Calm":
        return Advice("Nothing. Retraining would not pay.", "Requests look as they did in training, and skill is what was promised.")
    return Advice("Nothing yet.", "Nothing is broken or decided; see below for what is not known.")


ADVICE: Sequence[Callable[[Found], Advice | None]] = (
    clock_jumped,  # windows do not compare
    served_wrongly,  # a bug of ours or theirs
    sent_wrongly,  # a bug of whoever looks features up
    broken_columns,  # a bug of whoever feeds the model
    worse_than_before,  # the quickest mend there is
    lost_skill,  # what retraining is for
    moved_inputs,  # to be looked at
    too_little_known,  # to be waited for
)
