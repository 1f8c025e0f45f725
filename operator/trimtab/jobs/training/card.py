"""The model's card: one HTML file that needs nothing else, for a person who asks what this model is and how good.

Readable on a phone, in the dark and by a screen reader: columns and rows have headings, and what is too wide moves by itself, with the
keyboard too.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from trimtab.jobs.training.fit import Point
from trimtab.jobs.training.record import RunRecord

WIDTH, HEIGHT = 360, 190
"""As wide as a phone, so that text is as large as the page's own."""
LEFT, TOP, BOTTOM = 52, 30, 22
DASHES = ("none", "6 3", "2 3", "9 3 2 3")
"""Lines are told apart without colour."""

STYLE = """
:root{--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--rule:#d0d7de;--well:#1a7f37;--bad:#b3261e;--first:#1f6feb;--second:#b4501a;--third:#2e8540;--fourth:#7a4fb5}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9da7b3;--paper:#0d1117;--rule:#30363d;--well:#56d364;--bad:#ff7b72;--first:#58a6ff;--second:#f0883e;--third:#56d364;--fourth:#c297ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;color:var(--ink);background:var(--paper)}
h1{margin-bottom:0;font-size:1.6rem}h2{margin-top:2rem;font-size:1.2rem;border-bottom:1px solid var(--rule)}.table{overflow-x:auto}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top}th[scope=row]{font-weight:400}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.Passed{color:var(--well)}.Failed{color:var(--bad);font-weight:600}.Skipped{color:var(--quiet)}
svg{width:100%;max-width:36rem;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--quiet)}svg .l{fill:none;stroke-width:1.75}
svg .l0{stroke:var(--first)}svg .l1{stroke:var(--second)}svg .l2{stroke:var(--third)}svg .l3{stroke:var(--fourth)}code{overflow-wrap:anywhere;font-size:.85em}p.quiet{color:var(--quiet)}
"""


def card(record: RunRecord, curves: Sequence[Point]) -> str:
    """The card of the model that this run made, as the record stands."""
    dataset, trainer = record.dataset, record.trainer
    title, said = f"Model card of {record.model}", record.recipe.get("description")
    parts = [
        f"<h1>{escape(title)}</h1>{f'<p class=quiet>{escape(str(said))}</p>' if said else ''}",
        _table("What it is", _about(record)),
        f"<h2>How good it is</h2>{_metrics(record.metrics, record.baseline.get('metrics') or {})}{_skill(record.skill)}",
        f"<h2>Gates</h2>{_gates(record.gates)}",
        _table("What it learned from", {**dataset, "leftOut": "; ".join(dataset.get("leftOut") or []) or "nothing"}),
        _table(
            "How it was fitted",
            {**{key: trainer.get(key) for key in ("estimator", "seed", "validation", "bestIteration")}, **(trainer.get("parameters") or {})},
        ),
        f"<h2>Learning curve</h2>{curve(curves)}",
    ]
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>{escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body><main>{''.join(parts)}</main></body></html>"


def _framed(title: str, rows: str) -> str:
    """A table that is moved sideways where it has no room; a region with a name, so that the keyboard gets there too."""
    return f"<div class=table role=region tabindex=0 aria-label='{escape(title, quote=True)}'><table>{rows}</table></div>"


def curve(points: Sequence[Point]) -> str:
    """The curves of the metric that has most points, as inline SVG."""
    metrics = [point.metric for point in points]
    if not metrics:
        return "<p class=quiet>This estimator does not fit in iterations.</p>"
    shown = max(dict.fromkeys(metrics), key=metrics.count)
    wanted = [point for point in points if point.metric == shown and point.value == point.value]
    splits = list(dict.fromkeys(point.split for point in wanted))[: len(DASHES)]
    if not splits:
        return "<p class=quiet>No point of the curve is a number.</p>"
    courses = {split: [each for each in wanted if each.split == split] for split in splits}
    lines = "".join(_line(course, wanted, number) for number, course in enumerate(courses.values()))
    said = "; ".join(f"{split} from {course[0].value:.4g} to {course[-1].value:.4g}" for split, course in courses.items())
    label = escape(f"{shown} by iteration: {said}.", quote=True)
    drawn = lines + "".join(_named(split, number) for number, split in enumerate(splits)) + _axes(wanted)
    return f"<p>{escape(shown)}</p><svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{label}'>{drawn}</svg>"


def _line(points: Sequence[Point], scale: Sequence[Point], number: int) -> str:
    low, high = min(each.value for each in scale), max(each.value for each in scale)
    last = max(each.iteration for each in scale)
    spots = " ".join(
        f"{LEFT + (WIDTH - LEFT - 4) * (each.iteration - 1) / max(1, last - 1):.1f},{TOP + (HEIGHT - TOP - BOTTOM) * (high - each.value) / ((high - low) or 1):.1f}"
        for each in points
    )
    return f"<polyline {_look(number)} points='{spots}'/>"


def _look(number: int) -> str:
    return f"class='l l{number}' stroke-dasharray='{DASHES[number]}'"


def _named(split: str, number: int) -> str:
    left = LEFT + 100 * number
    return f"<line {_look(number)} x1={left} x2={left + 20} y1=10 y2=10 /><text x={left + 25} y=14>{escape(split)}</text>"


def _axes(points: Sequence[Point]) -> str:
    low, high, last = min(each.value for each in points), max(each.value for each in points), max(each.iteration for each in points)
    ends = "".join(f"<text x={LEFT - 6} y={y} text-anchor=end>{value:.4g}</text>" for value, y in ((high, TOP + 4), (low, HEIGHT - BOTTOM + 4)))
    return f"{ends}<text x={WIDTH - 4} y={HEIGHT - 4} text-anchor=end>{last} iterations</text>"


def _about(record: RunRecord) -> dict[str, Any]:
    run = {"model": record.model, "trainingJob": record.training_job, "run": record.run_key, "trainedAt": record.started_at}
    return run | {
        "owner": record.recipe.get("owner"),
        "objective": record.recipe.get("objective"),
        **{f"git {key}": value for key, value in record.git.items()},
        **record.artifact,
    }


def _table(title: str, rows: Mapping[str, Any]) -> str:
    told = "".join(_row(key, value) for key, value in rows.items() if value not in (None, "", {}, []))
    return f"<h2>{escape(title)}</h2>{_framed(title, told)}"


def _row(key: str, value: Any) -> str:
    return f"<tr><th scope=row>{escape(key)}</th><td><code>{escape(str(value))[:600]}</code></td></tr>"


def _metrics(metrics: Mapping[str, Mapping[str, float]], baseline: Mapping[str, float]) -> str:
    """What is judged stands first: on a phone the rest is moved into sight."""
    judged = {"test": metrics["test"]} if "test" in metrics else {}
    columns: dict[str, Mapping[str, float]] = {**judged, **({"test, simple model": baseline} if baseline else {}), **metrics}
    names = dict.fromkeys(name for values in columns.values() for name in values)
    head = "".join(f"<th scope=col class=n>{escape(each)}</th>" for each in columns)
    rows = "".join(_numbers(name, (values.get(name) for values in columns.values())) for name in names)
    return _framed("Metrics", f"<tr><th scope=col>metric</th>{head}</tr>{rows}")


def _numbers(name: str, values: Iterable[float | None]) -> str:
    cells = "".join(f"<td class=n>{'' if value is None else f'{value:.4g}'}</td>" for value in values)
    return f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>"


def _skill(skill: Mapping[str, float]) -> str:
    if not {"estimate", "lower", "upper"} <= set(skill):
        return ""
    return f"<p>Skill on the test rows is {skill['estimate']:.4g}; by resampling blocks of time, with 95% confidence between {skill['lower']:.4g} and {skill['upper']:.4g}.</p>"


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(each['name'])}</th><td class={each['outcome']}>{each['outcome']}</td><td>{escape(each['message'])}</td></tr>"
        for each in gates
    )
    return _framed("Gates", f"<tr><th scope=col>gate</th><th scope=col>outcome</th><th scope=col>why</th></tr>{rows}")
