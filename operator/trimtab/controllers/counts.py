"""Reads what stable pods counted, from their own /metrics. A pod that says nothing, or nothing of a split, is left out: it is not known.

Plain numbers leave this module; what they mean is for `plans/tallies.py` and `plans/analysis.py`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from trimtab.kube.client import Client, Manifest
from trimtab.kube.errors import ApiError
from trimtab.manifests.serving import INTERNAL_PORT
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import CANDIDATE, STABLE, Arm, Pair, PodCounts, Rehearsal

GENERATION, WEIGHT = "trimtab_split_generation", "trimtab_split_weight_percent"
REQUESTS, DURATION = "trimtab_split_requests_total", "trimtab_split_duration_seconds_bucket"
COMPARED, DISAGREED = "trimtab_shadow_compared_total", "trimtab_shadow_disagreed_total"
REHEARSED, ASKED_AGAIN, ROWS_AGAIN = "trimtab_rehearsal_done", "trimtab_rehearsal_requests_total", "trimtab_rehearsal_rows_total"
OK, ERROR = "ok", "error"
SAME, OTHER = "same", "other"

T = TypeVar("T")

Place = tuple[int, float, str]
"""(candidate, percent, arm)."""


async def counts_of(client: Client, pods: Sequence[Manifest]) -> dict[str, PodCounts]:
    """By the names of the pods that answer."""
    return await _told(client, pods, read_counts)


async def _told(client: Client, pods: Sequence[Manifest], read: Callable[[str], T | None]) -> dict[str, T]:
    said = await asyncio.gather(*(_scraped(client, pod, read) for pod in pods))
    return {pod["metadata"]["name"]: found for pod, found in zip(pods, said, strict=True) if found is not None}


async def _scraped(client: Client, pod: Manifest, read: Callable[[str], T | None]) -> T | None:
    address = pod.get("status", {}).get("podIP")
    if not address:
        return None
    try:
        return read(await client.scrape(address, INTERNAL_PORT))
    except (ApiError, ValueError, ArithmeticError, KeyError):  # a pod that says what cannot be read says nothing
        return None


def read_counts(text: str) -> PodCounts | None:
    """What a pod's /metrics says of its split; None from a pod that knows of none."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    single = {sample.name: sample.value for sample in samples if sample.name in (GENERATION, WEIGHT)}
    if GENERATION not in single:
        return None
    return PodCounts(int(single[GENERATION]), single.get(WEIGHT, 0.0), _weights(samples), _compared(samples))


async def rehearsals_of(client: Client, pods: Sequence[Manifest]) -> dict[str, Rehearsal]:
    """By the names of the pods that say anything of a rehearsal."""
    return await _told(client, pods, read_rehearsal)


def read_rehearsal(text: str) -> Rehearsal | None:
    """What a pod's /metrics says of its rehearsal; None from a pod that knows of none."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    done = next((sample.value for sample in samples if sample.name == REHEARSED), None)
    if done is None:
        return None
    told = {(sample.name, sample.labels["outcome"]): int(sample.value) for sample in samples if sample.name in (ASKED_AGAIN, ROWS_AGAIN)}
    errors, others = told.get((ASKED_AGAIN, ERROR), 0), told.get((ROWS_AGAIN, OTHER), 0)
    requests, rows = errors + told.get((ASKED_AGAIN, OK), 0), others + told.get((ROWS_AGAIN, SAME), 0)
    return Rehearsal(bool(done), Outcomes(requests, errors), Outcomes(rows, others))


def _weights(samples: Iterable[Sample]) -> dict[tuple[int, float], Pair]:
    outcomes: dict[Place, dict[str, int]] = defaultdict(lambda: {OK: 0, ERROR: 0})
    buckets: dict[Place, dict[float, int]] = defaultdict(dict)
    for sample in samples:
        if sample.name == REQUESTS:
            outcomes[_place(sample)][sample.labels["outcome"]] = int(sample.value)
        elif sample.name == DURATION:
            buckets[_place(sample)][float(sample.labels["le"])] = int(sample.value)
    places = {(candidate, percent) for candidate, percent, _ in (*outcomes, *buckets)}
    return {place: Pair(_arm(outcomes, buckets, (*place, CANDIDATE)), _arm(outcomes, buckets, (*place, STABLE))) for place in places}


def _arm(outcomes: Mapping[Place, Mapping[str, int]], buckets: Mapping[Place, Mapping[float, int]], place: Place) -> Arm:
    told = outcomes.get(place, {OK: 0, ERROR: 0})
    return Arm(told[OK], told[ERROR], tuple(sorted(buckets.get(place, {}).items())))


def _place(sample: Sample) -> Place:
    labels = sample.labels
    return int(labels["candidate"]), float(labels["percent"]), labels["arm"]


def _compared(samples: Iterable[Sample]) -> dict[int, Outcomes]:
    """Disagreements count as errors: of what was compared, so many were wrong."""
    found: dict[int, dict[str, int]] = defaultdict(lambda: {COMPARED: 0, DISAGREED: 0})
    for sample in samples:
        if sample.name in (COMPARED, DISAGREED):
            found[int(sample.labels["candidate"])][sample.name] = int(sample.value)
    return {candidate: Outcomes(max(told[COMPARED], told[DISAGREED]), told[DISAGREED]) for candidate, told in found.items()}
