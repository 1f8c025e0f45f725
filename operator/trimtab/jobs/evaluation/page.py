"""The report as one HTML file that needs nothing else: readable on a phone, in the dark, on paper, and by a screen reader."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from trimtab.jobs.evaluation import plots

STYLE = """
:root{--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--rule:#d0d7de;--live:#1f6feb;--drifted:#b3261e;--usual:#dfe5ec;--reference:#1b1f24;--well:#2e8540}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9da7b3;--paper:#0d1117;--rule:#30363d;--live:#58a6ff;--drifted:#ff7b72;--usual:#262d36;--reference:#e6edf3;--well:#56d364}}
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--rule)}h3{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.5rem 0}.quiet{color:var(--quiet)}.do{border-left:4px solid var(--live);padding:.25rem 0 .25rem .75rem;margin:.75rem 0}.do b{display:block}
.do.urgent{border-color:var(--drifted)}.table{overflow-x:auto}th[scope=row]{font-weight:400;overflow-wrap:anywhere;min-width:6rem}.day{white-space:nowrap}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.Drifted,.Below,.Worse{color:var(--drifted);font-weight:600}.Recovered,.Improved{color:var(--well)}code{word-break:break-all;font-size:.85em}
svg{width:100%;max-width:32rem;display:block;margin:.5rem 0}svg text{font:12px system-ui,sans-serif;fill:var(--quiet);paint-order:stroke;stroke:var(--paper);stroke-width:3px}svg text.name{fill:var(--ink)}
svg .live{fill:var(--live);stroke:var(--live)}svg .drifted{fill:var(--drifted);stroke:var(--drifted)}svg .bar{stroke-width:2.5}svg rect{stroke:none!important}
svg .usual{fill:var(--usual)}svg .unknown{fill:none;stroke:var(--quiet)!important}svg .least{stroke:var(--drifted);stroke-dasharray:4 3}
svg .promised{stroke:var(--well);stroke-dasharray:1 3}svg .zero{stroke:var(--rule)}svg .reference{stroke:var(--reference);stroke-width:2.5}
"""


CLASSES = {"n": " class=n"}


def page(report: Mapping[str, Any]) -> str:
    """The page of a report's content."""
    watching = report["watching"]
    title = f"{watching['name']} in Deployment {report['deployment']}: what it was asked, and how well it answered"
    parts = [
        f"<h1>{escape(title)}</h1>{_where(report)}",
        f"<h2>What is recommended, and why</h2>{_advice(report['advice'])}",
        f"<h2>Skill</h2>{_skill(report['performance'])}{_comparison(report['comparison'])}",
        f"<h2>Inputs</h2>{_inputs(report['drift'])}",
        f"<h2>Answers</h2>{_answers(report)}",
        f"<h2>Faults</h2>{_faults(report)}",
        f"<h2>What this speaks of</h2>{_about(report)}",
    ]
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>{escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body><main>{''.join(parts)}</main></body></html>"


def _where(report: Mapping[str, Any]) -> str:
    windows = report["drift"]["windows"]
    window = f"Window {_when(windows[-1]['from'])} to {_when(windows[-1]['to'])} UTC, {windows[-1]['rows']:,} rows. " if windows else ""
    incident = f" Incident <code>{escape(report['incident'])}</code>." if report["incident"] else ""
    return f"<p class=quiet>{window}DriftMonitor {escape(report['driftmonitor'])}, looked at {_when(report['now'])} by its clock ({report['clock']}).{incident}</p>"


def _advice(advice: Sequence[Mapping[str, str]]) -> str:
    calm = ("Nothing", "Wait")
    return "".join(
        f"<div class='do{'' if each['do'].startswith(calm) else ' urgent'}'><b>{escape(each['do'])}</b>{escape(each['why'])}</div>" for each in advice
    )


def _skill(found: Mapping[str, Any]) -> str:
    windows = found["windows"]
    if not windows:
        return "<p>No window of labels has matured yet.</p>"
    promised = f"At registration it was {_interval(found['reference'])} (dotted). " if found["reference"] and found["reference"]["estimate"] is not None else ""
    line = f"A window is below where its whole interval is below {found['line']:.3g} (dashed); two in a row are degraded." if found["line"] is not None else ""
    explained = "Skill is 1 - loss / loss of the best constant answer to the same rows: 1 is perfect, 0 is knowing nothing."
    rows = ((_days(each), f"{each['labels']:,} of {each['rows']:,}", _interval(each["skill"]), _word(each["standing"], each["remark"])) for each in windows)
    table = _table("Skill of each window", ("window", "labels", "skill, 95% interval", "standing"), rows, "tttt")
    return f"<p>{promised}{line}</p>{plots.skill(found)}{table}<p class=quiet>{explained}</p>"


def _comparison(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    outcome = found["outcome"] or "not decided yet"
    gain = f": its loss is lower by {_interval(found['gain'])} a row" if found["gain"] else ""
    early = " It is early: only a very clear difference counts." if found["early"] and found["gain"] else ""
    remark = f" {escape(found['remark'])}" if found["remark"] else ""
    return f"<h3>Against {escape(found['predecessor'])}, on the same rows</h3><p><span class={found['outcome'] or 'quiet'}>{outcome}</span>{gain}. {found['labels']:,} labels.{remark}{early}</p>"


def _inputs(found: Mapping[str, Any]) -> str:
    levels, features = found["levels"], found["features"]
    expected = found["reference"]["expectedFalseAlarmsPerMonth"]
    alarms = "" if expected is None else f" On the reference's own windows these levels would alarm {expected:g} times a month."
    how = f"{levels['k']} drifted windows of the last {levels['of']} are an alarm.{alarms}"
    table = _table("Inputs", ("input", "effect", "usual, up to", "p", "PSI"), (_feature(each) for each in features), "tnnnn")
    shown = f"<h3>Largest effect of each window</h3>{plots.windows(found['windows'], levels['min_effect'])}" if found["windows"] else ""
    bars = f"<h3>Each input in the last window</h3>{plots.effects(features, levels['min_effect'])}" if features else ""
    note = "<p class=quiet>Bar: Jensen-Shannon distance from the reference. Grey: where 99% of the reference's own windows are. Dashed: below this nothing matters.</p>"
    histograms = "".join(f"<h3>{escape(each['name'])}</h3>{plots.histogram(each)}" for each in found["histograms"])
    legend = "<p class=quiet>Bars: this window. Lines: the reference. Shares of rows.</p>" if histograms else ""
    return f"<p>{how}</p>{shown}{bars}{note if features else ''}{table if features else ''}{histograms}{legend}{_left_out(found['leftOut'])}"


def _answers(report: Mapping[str, Any]) -> str:
    """Panels: nothing is decided by them."""
    windows = [each for each in report["performance"]["windows"] if each["loss"] is not None]
    rows = ((_days(each), _share(each["meanTrue"]), _share(each["meanSaid"]), _share(each["loss"])) for each in windows)
    table = _table("Answers by window", ("window", "true", "said", "loss"), rows, "tnnn") if windows else ""
    note = (
        "<p class=quiet>Means of labels and of answers, and the loss a row. Loss follows how hard the days are: nothing is decided by it.</p>"
        if windows
        else ""
    )
    histograms = "".join(f"<h3>{escape(each['name'])}</h3>{plots.histogram(each)}" for each in report["answers"])
    legend = "<p class=quiet>Bars: this window. Lines: the windows before it.</p>" if histograms else ""
    return f"{table}{note}{histograms}{legend}" or "<p>Nothing is known of them yet.</p>"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _left_out(found: Mapping[str, str]) -> str:
    return f"<h3>Not looked at</h3><ul>{''.join(f'<li>{escape(name)}: {escape(why)}.</li>' for name, why in found.items())}</ul>" if found else ""


def _faults(report: Mapping[str, Any]) -> str:
    faults, replay = report["drift"]["faults"], report["replay"]
    items = [f"<b>{each['name']}</b>: {escape(each['detail'])}" for each in faults]
    items += [f"<b>ClockJump</b>: {escape(report['clockJump'])}"] if report["clockJump"] else []
    said = f"<ul>{''.join(f'<li>{each}</li>' for each in items)}</ul>" if items else "<p>Nothing is broken.</p>"
    features = "".join(f"<p>{_sent(each)}</p>" for each in report["features"])
    if "replayed" not in replay:
        return f"{said}<p>No prediction was computed again: {escape(replay['remark'])}</p>{features}"
    wrong = f"{replay['mismatched']:,} do not match. {escape(replay['detail'])}" if replay["mismatched"] else "all match."
    return f"{said}<p>{replay['replayed']:,} logged predictions were computed again: {wrong}</p>{features}"


def _sent(found: Mapping[str, Any]) -> str:
    """How the features of one FeatureSet were sent."""
    which = f"FeatureSet {escape(found['featureSet'])} version {found['version']}"
    if "compared" not in found:
        return f"Nothing was compared with {which}: {escape(found['remark'])}"
    wrong = f"{found['mismatched']:,} differ. {escape(found['detail'])}" if found["mismatched"] else "all match."
    return f"{found['compared']:,} rows before {_when(found['until'])} UTC were compared with {which}: {wrong}"


def _about(report: Mapping[str, Any]) -> str:
    watching, labels = report["watching"], report["labels"]
    rows = [
        ("version", watching["name"]),
        ("serves since", _when(watching["since"]) if watching["since"] else ""),
        ("model", watching["digest"]),
        ("files", watching["uri"]),
        ("dataset", watching["datasetDigest"]),
        ("trained until", watching["trainedUntil"]),
        ("learned from", f"{labels['learned']:,} rows" if labels["learned"] else ""),
        ("labelled since", f"{labels['new']:,} rows"),
        ("labels that contradict each other", labels["contradicted"] or ""),
        ("rows logged twice", labels["repeated"] or ""),
    ]
    return _table("What this speaks of", ("", ""), ((name, value) for name, value in rows if value), "tc")


def _feature(found: Mapping[str, Any]) -> tuple[str, ...]:
    usual = "" if found["usual"] is None else f"{found['usual']:.3f}"
    return (found["name"], f"{found['effect']:.3f}{'*' if found['drifted'] else ''}", usual, f"{found['p']:.3g}", f"{found['psi']:.3f}")


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]], kinds: str) -> str:
    """`kinds`: a letter a column: t(ext), n(umber), c(ode). A region with a name: what is too wide is moved sideways, with the keyboard too."""
    titles = "".join(f"<th scope=col{CLASSES.get(kind, '')}>{escape(title)}</th>" for title, kind in zip(head, kinds, strict=True))
    lines = "".join(f"<tr>{_row(row, kinds)}</tr>" for row in rows)
    body = f"{f'<thead><tr>{titles}</tr></thead>' if any(head) else ''}<tbody>{lines}</tbody>"
    return f"<div class=table role=region tabindex=0 aria-label='{escape(name, quote=True)}'><table>{body}</table></div>"


def _row(row: Sequence[Any], kinds: str) -> str:
    """The first cell names the row."""
    return f"<th scope=row>{_text(row[0])}</th>" + "".join(_cell(value, kind) for value, kind in zip(row[1:], kinds[1:], strict=True))


def _cell(value: Any, kind: str) -> str:
    text = _text(value)
    return f"<td><code>{text}</code></td>" if kind == "c" else f"<td{CLASSES.get(kind, '')}>{text}</td>"


def _text(value: Any) -> str:
    return value.html if isinstance(value, Html) else escape(str(value))


class Html:
    """Text that is HTML already."""

    def __init__(self, html: str) -> None:
        self.html = html


def _days(window: Mapping[str, Any]) -> Html:
    return Html(" to ".join(f"<span class=day>{escape(window[side][:10])}</span>" for side in ("from", "to")))


def _word(standing: str, remark: str | None) -> Html:
    return Html(f"<span class={standing}>{standing}</span>{f': {escape(remark)}' if remark else ''}")


def _interval(found: Mapping[str, Any] | None) -> str:
    if not found or found["estimate"] is None:
        return ""
    return f"{found['estimate']:.3g}" + ("" if found["lower"] is None or found["upper"] is None else f" [{found['lower']:.3g}, {found['upper']:.3g}]")


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")
