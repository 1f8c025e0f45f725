"""How a rollout stands, and which version answered when. Pure."""

from datetime import UTC, datetime
from typing import Any

from trimtab.cli.errors import UserError
from trimtab.cli.views.listed import Manifest, at, moment, ref
from trimtab.cli.views.table import Table


def status(obj: Manifest) -> Table:
    """A row for each version that has pods or is kept out."""
    rows = [_row(role, found) for role in ("stable", "candidate", "shadow", "warm") if (found := at(obj, f"status.{role}"))]
    rows += [(f"v{each['version']}", "blocked", "", "", "", "", each.get("reason", "")) for each in at(obj, "status.blocked", [])]
    return Table(("VERSION", "ROLE", "STEP", "PODS", "PERCENT", "VERDICT", "MESSAGE"), tuple(rows), (str(ref(obj)),))


def _row(role: str, found: dict[str, Any]) -> tuple[Any, ...]:
    steps, step = found.get("steps"), found.get("step")
    percent, wanted = found.get("programmedPercent", found.get("percent")), found.get("desiredPercent")
    told = "" if percent is None else f"{percent}" if wanted in (None, percent) else f"{percent} of {wanted}"
    until = f"its pods go at {found['until']}" if found.get("until") else ""
    return (
        f"v{found['version']}",
        role,
        f"{step} of {steps}" if step and steps else step,
        found.get("ready"),
        told,
        found.get("verdict"),
        " ".join(filter(None, (found.get("message") or until, found.get("rehearsal")))),
    )


def history(obj: Manifest) -> Table:
    """What was served from when until when, newest first; the last one goes on."""
    return Table(("VERSION", "SINCE", "UNTIL", "WHY"), tuple(_spells(obj)), (str(ref(obj)),))


def _spells(obj: Manifest) -> list[tuple[Any, ...]]:
    entries = [(entry["version"], entry.get("since"), entry.get("until"), entry.get("reason", "")) for entry in at(obj, "status.history", [])]
    stable = at(obj, "status.stable")
    if stable and not any(version == stable["version"] and not until for version, _, until, _ in entries):
        entries.append((stable["version"], stable.get("since"), None, ""))
    return [(f"v{version}", since, until or "now", why) for version, since, until, why in sorted(entries, key=lambda entry: str(entry[1]), reverse=True)]


def who_answered(obj: Manifest, when: datetime) -> Table:
    """The versions that served at a moment: one, or two at the moment of a switch."""
    rows = [row for row in _spells(obj) if _covers(row, when)]
    if not rows:
        first = next((row[1] for row in reversed(_spells(obj))), None)
        known = f"what is remembered begins at {first}" if first else "it has served nothing yet"
        raise UserError(
            f"Nothing is known of {ref(obj)} at {when:%Y-%m-%dT%H:%M:%SZ}; {known}.", "trimtab prediction ID names the version of one answer, however old"
        )
    model = obj["spec"]["model"]
    return Table(("VERSION", "SINCE", "UNTIL", "WHY"), tuple(rows), tuple(f"mv/{model}-{row[0]}" for row in rows))


def _covers(row: tuple[Any, ...], when: datetime) -> bool:
    since, until = moment(row[1]), moment(row[2]) if row[2] != "now" else None
    return (since is None or since <= when) and (until is None or when <= until)


def parsed(text: str, now: datetime) -> datetime:
    """`now`, `2026-01-05`, `2026-01-05T12:00`; without a zone it is UTC."""
    found = now if text == "now" else moment(text)
    if found is None:
        raise UserError(f"{text} is no time; write 2026-01-05T12:00:00Z, or now.")
    return found.astimezone(UTC)
