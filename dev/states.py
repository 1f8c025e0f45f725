"""docs/reference/monitoring.md: the monitor's states as a diagram, drawn from the table that the operator decides by."""

from trimtab.plans.monitor_states import NEXT, Signal, State
from trimtab.plans.retraining import Hindrance


def page() -> str:
    return "\n".join(
        [
            "# When a model is retrained",
            "",
            "A monitor is in one of these states. A look makes moves until nothing moves; of several signals a state hears the one that stands first.",
            "",
            *diagram(),
            "",
            "| state | |",
            "|---|---|",
            *(f"| {state} | {state.meaning} |" for state in State),
            "",
            "| signal | given when |",
            "|---|---|",
            *(f"| {signal} | {signal.meaning} |" for signal in Signal),
            "",
            "## Never retrained on",
            "",
            *(f"- `{hindrance}`: {hindrance.sentence}" for hindrance in Hindrance),
            "",
            "Beside these, after a run that gained nothing (`NoGain`, `Rejected`) the next one waits for 20% more labelled rows, or for skill below the floor;",
            "after one that made things worse (`Worse`), for the rows alone.",
            "",
        ]
    )


def diagram() -> list[str]:
    """Mermaid; ways that have the same ends are one arrow."""
    moves = {(state, to): [signal for signal, end in heard.items() if end is to] for state, heard in NEXT.items() for to in heard.values()}
    arrows = [f"    {state} --> {to}: {', '.join(signals)}" for (state, to), signals in moves.items()]
    return ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.LEARNING}", *arrows, "```"]
