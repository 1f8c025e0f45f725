"""What stable pods do with a split: the kubelet brings them the text, they follow it, forward, count, and say so on /metrics.

All there is to know of a pod stands in its own exposition, so that a cluster in memory can be copied and restored.
"""

from typing import Any

from support import serving_pods
from support.fake_api import FakeApi
from trimtab.api.split import Split, generation
from trimtab.controllers.counts import read_counts
from trimtab.manifests.serving import INTERNAL_PORT, version_of
from trimtab.plans.sequential import Outcomes
from trimtab.plans.splits import text_on
from trimtab.plans.tallies import Arm, Pair, PodCounts

Object = dict[str, Any]
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, float("inf"))


def arm(ok: int, errors: int = 0, seconds: float = 0.004) -> Arm:
    """So many requests, all answered in the same time."""
    return Arm(ok, errors, tuple((edge, ok if edge >= seconds else 0) for edge in EDGES))


def exposition(counts: PodCounts) -> str:
    """As a stable pod writes it."""
    lines = [f"trimtab_split_generation {counts.generation}", f"trimtab_split_weight_percent {counts.percent:g}"]
    for (candidate, percent), pair in sorted(counts.weights.items()):
        for name, one in (("candidate", pair.candidate), ("stable", pair.stable)):
            labels = f'candidate="{candidate}",percent="{percent:g}",arm="{name}"'
            lines += [f'trimtab_split_requests_total{{{labels},outcome="{word}"}} {number}' for word, number in (("ok", one.ok), ("error", one.errors))]
            lines += [f'trimtab_split_duration_seconds_bucket{{{labels},le="{_edge(edge)}"}} {number}' for edge, number in one.buckets]
    for candidate, told in sorted(counts.compared.items()):
        lines.append(f'trimtab_shadow_compared_total{{candidate="{candidate}"}} {told.requests}')
        lines.append(f'trimtab_shadow_disagreed_total{{candidate="{candidate}"}} {told.errors}')
    return "\n".join(lines) + "\n"


def rehearsal(done: bool = True, ok: int = 200, errors: int = 0, same: int = 200, other: int = 0) -> str:
    """As a pod of a candidate writes it."""
    counts = (("requests", "ok", ok), ("requests", "error", errors), ("rows", "same", same), ("rows", "other", other))
    return "\n".join(
        [f"trimtab_rehearsal_done {int(done)}", *(f'trimtab_rehearsal_{name}_total{{outcome="{word}"}} {number}' for name, word, number in counts)]
    )


def that_serve(api: FakeApi) -> list[Object]:
    return [pod for pod in api.all("pods") if version_of(pod)]


def said(api: FakeApi, pod: Object) -> PodCounts | None:
    text = api.scrapes.get((pod["status"]["podIP"], INTERNAL_PORT))
    return read_counts(text) if text else None


def tell(api: FakeApi, pod: Object, counts: PodCounts) -> None:
    api.scrapes[pod["status"]["podIP"], INTERNAL_PORT] = exposition(counts)


def follow(api: FakeApi, pod: Object) -> bool:
    """The pod takes up the text it carries; counts are kept as long as the same candidate is named. Whether anything changed."""
    before, text = said(api, pod), text_on(pod)
    if before and before.generation == generation(text):
        return False
    split = Split.read(text)
    candidate = split.candidate.version if split.candidate else None
    kept = {place: pair for place, pair in (before.weights if before else {}).items() if place[0] == candidate}
    shadow = split.shadow.version if split.shadow else None
    compared = {version: told for version, told in (before.compared if before else {}).items() if version == shadow}
    tell(api, pod, PodCounts(generation(text), split.candidate.percent if split.candidate else 0, kept, compared))
    return True


def pods_follow(api: FakeApi) -> bool:
    """All of them, now; forget those that are gone."""
    pods = that_serve(api)
    here = {pod["status"]["podIP"] for pod in pods}
    for address in [each for each in api.scrapes if each[0] not in here]:
        del api.scrapes[address]
    return sum(follow(api, pod) for pod in pods if serving_pods.is_ready(pod)) > 0


def ask(api: FakeApi, pod: Object, requests: int, *, errors: float = 0.0, seconds: float = 0.004, disagree: float = 0.0) -> bool:
    """So many requests reach this pod: it shares them out by the split it follows. `errors` and `seconds` are the candidate's. Whether any were counted."""
    counts = said(api, pod)
    split = Split.read(text_on(pod))
    if counts is None or counts.generation != generation(text_on(pod)):
        return False
    weights, compared = dict(counts.weights), dict(counts.compared)
    if split.candidate:
        place = (split.candidate.version, split.candidate.percent)
        mine = round(requests * split.candidate.percent / 100)
        failed = round(mine * errors)
        weights[place] = weights.get(place, Pair()) + Pair(arm(mine - failed, failed, seconds), arm(requests - mine))
    if split.shadow:
        seen = round(requests * split.shadow.percent / 100)
        told = compared.get(split.shadow.version, Outcomes(0, 0))
        compared[split.shadow.version] = Outcomes(told.requests + seen, told.errors + round(seen * disagree))
    tell(api, pod, PodCounts(counts.generation, counts.percent, weights, compared))
    return bool(split.candidate and split.candidate.percent)


def _edge(edge: float) -> str:
    return "+Inf" if edge == float("inf") else f"{edge:g}"
