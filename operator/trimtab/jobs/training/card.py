"""The model's card: one HTML file that needs nothing else, for a person who asks what this model is and how good."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from trimtab.jobs.training.fit import Point
from trimtab.jobs.training.record import RunRecord

WIDTH, HEIGHT, MARGIN = 640, 220, 44
COLOURS = ("#1f6feb", "#d1662b", "#2e8540", "#7a4fb5")

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{margin-bottom:0}h2{margin-top:2rem;border-bottom:1px solid #d0d7de}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #eaeef2;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.Passed{color:#2e8540}.Failed{color:#b3261e;font-weight:600}.Skipped{color:#6e7781}
svg text{font:11px system-ui,sans-serif;fill:#57606a}code{word-break:break-all}p.quiet{color:#57606a}
"""


def card(record: RunRecord, curves: Sequence[Point]) -> str:
    """The card of the model that this run made, as the record stands."""
    dataset, trainer = record.dataset, record.trainer
    parts = [
        f"<h1>{escape(record.model)}</h1><p class=quiet>{escape(str(record.recipe.get('description') or ''))}</p>",
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
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(record.model)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"


def curve(points: Sequence[Point]) -> str:
    """The curves of the metric that has most points, as inline SVG."""
    metrics = [point.metric for point in points]
    if not metrics:
        return "<p class=quiet>This estimator does not fit in iterations.</p>"
    shown = max(dict.fromkeys(metrics), key=metrics.count)
    wanted = [point for point in points if point.metric == shown and point.value == point.value]
    splits = list(dict.fromkeys(point.split for point in wanted))
    lines = "".join(_line([each for each in wanted if each.split == split], wanted, colour) for split, colour in zip(splits, COLOURS, strict=False))
    legend = "".join(
        f"<text x='{MARGIN + 110 * number}' y='14' style='fill:{colour}'>{escape(split)}</text>"
        for number, (split, colour) in enumerate(zip(splits, COLOURS, strict=False))
    )
    low, high = min(point.value for point in wanted), max(point.value for point in wanted)
    axis = f"<text x='0' y='{MARGIN}'>{high:.4g}</text><text x='0' y='{HEIGHT - MARGIN / 2}'>{low:.4g}</text><text x='{WIDTH - 150}' y='{HEIGHT - 4}'>{max(point.iteration for point in wanted)} iterations</text>"
    return f"<p>{escape(shown)}</p><svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{escape(shown)} by iteration'>{lines}{legend}{axis}</svg>"


def _line(points: Sequence[Point], scale: Sequence[Point], colour: str) -> str:
    low, high = min(each.value for each in scale), max(each.value for each in scale)
    last = max(each.iteration for each in scale)
    spots = " ".join(
        f"{MARGIN + (WIDTH - MARGIN) * (each.iteration - 1) / max(1, last - 1):.1f},{MARGIN / 2 + (HEIGHT - MARGIN) * (high - each.value) / ((high - low) or 1):.1f}"
        for each in points
    )
    return f"<polyline fill=none stroke='{colour}' stroke-width=1.5 points='{spots}'/>"


def _about(record: RunRecord) -> dict[str, Any]:
    run = {"model": record.model, "trainingJob": record.training_job, "run": record.run_key, "trainedAt": record.started_at}
    return run | {
        "owner": record.recipe.get("owner"),
        "objective": record.recipe.get("objective"),
        **{f"git {key}": value for key, value in record.git.items()},
        **record.artifact,
    }


def _table(title: str, rows: Mapping[str, Any]) -> str:
    return f"<h2>{escape(title)}</h2><table>{''.join(_row(key, value) for key, value in rows.items() if value not in (None, '', {}, []))}</table>"


def _row(key: str, value: Any) -> str:
    return f"<tr><td>{escape(key)}</td><td><code>{escape(str(value))[:600]}</code></td></tr>"


def _metrics(metrics: Mapping[str, Mapping[str, float]], baseline: Mapping[str, float]) -> str:
    columns: dict[str, Mapping[str, float]] = {**metrics, **({"test, simple model": baseline} if baseline else {})}
    names = dict.fromkeys(name for values in columns.values() for name in values)
    head = "".join(f"<th class=n>{escape(each)}</th>" for each in columns)
    return f"<table><tr><th>metric</th>{head}</tr>{''.join(_numbers(name, (values.get(name) for values in columns.values())) for name in names)}</table>"


def _numbers(name: str, values: Iterable[float | None]) -> str:
    cells = "".join(f"<td class=n>{'' if value is None else f'{value:.4g}'}</td>" for value in values)
    return f"<tr><td>{escape(name)}</td>{cells}</tr>"


def _skill(skill: Mapping[str, float]) -> str:
    if not {"estimate", "lower", "upper"} <= set(skill):
        return ""
    return f"<p>Skill on the test rows is {skill['estimate']:.4g}; by resampling blocks of time, with 95% confidence between {skill['lower']:.4g} and {skill['upper']:.4g}.</p>"


def _gates(gates: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(each['name'])}</td><td class={each['outcome']}>{each['outcome']}</td><td>{escape(each['message'])}</td></tr>" for each in gates
    )
    return f"<table>{rows}</table>"
