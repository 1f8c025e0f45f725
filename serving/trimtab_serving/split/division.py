"""The split in force in this pod: read from a text, kept until another one that can be read."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trimtab.api.split import CandidateShare, ShadowShare, Split, generation
from trimtab_serving.model import Identity
from trimtab_serving.split.arms import CANDIDATE, STABLE, Arm, Arms
from trimtab_serving.split.choice import Share
from trimtab_serving.split.peer import Peer
from trimtab_serving.split.shadow import Copy, Shadow

LABELS = ["model_deployment", "model", "version"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Candidate:
    """A version that answers some of the clients' requests."""

    told: CandidateShare
    share: Share
    peer: Peer
    arms: Arms


@dataclass(frozen=True)
class Draw:
    """Where one request goes, and where its outcome is counted. Without a peer this pod answers."""

    peer: Peer | None
    arm: Arm | None
    arms: Arms


class Division(Collector):
    """`follow` what the operator says; `draw` for each request; `copy` each answer."""

    def __init__(self, identity: Identity, threads: Executor) -> None:
        self._identity, self._threads = identity, threads
        self.sticky = b""
        """Name of the header that says who the user is; empty where none does."""
        self.moved = False
        """Whether clients have another version now, and are to come to it on connections of their own."""
        self._candidate: Candidate | None = None
        self._shadow: tuple[Share, Shadow] | None = None
        self._generation, self._broken = 0, False

    def follow(self, text: str) -> None:
        """From now on this split holds. One that cannot be read changes nothing: clients are still served as they were."""
        try:
            split = Split.read(text)
        except ValueError as error:
            self._broken = True
            log.warning("split.broken", error=str(error)[:500], keeps=self._generation)
            return
        self.sticky = split.sticky.lower().encode("latin-1", "replace")
        self.moved = split.moved
        self._candidate = self._next_candidate(split.candidate)
        self._shadow = self._next_shadow(split.shadow)
        self._generation, self._broken = generation(text), False
        log.info(
            "split.followed",
            generation=self._generation,
            candidate=split.candidate and split.candidate.version,
            percent=split.candidate.percent if split.candidate else 0,
            shadow=split.shadow and split.shadow.version,
        )

    def draw(self, key: bytes) -> Draw | None:
        """None where there is no candidate: nothing is compared then."""
        candidate = self._candidate
        if candidate is None:
            return None
        if candidate.share.takes(key):
            return Draw(candidate.peer, candidate.arms.draw(candidate.share.percent, CANDIDATE), candidate.arms)
        return Draw(None, candidate.arms.draw(candidate.share.percent, STABLE), candidate.arms)

    def copy(self, key: bytes, copy: Copy) -> None:
        """Show the shadow a request that this pod has answered."""
        if self._shadow:
            share, shadow = self._shadow
            shadow.offer(share, key, copy)

    def close(self) -> None:
        if self._candidate:
            self._candidate.peer.close()
        if self._shadow:
            self._shadow[1].close()

    def _next_candidate(self, told: CandidateShare | None) -> Candidate | None:
        """The same version keeps its connections and counts, whatever its weight becomes."""
        before = self._candidate
        stays = before if before and told and before.told.url == told.url and before.told.version == told.version else None
        if before and not stays:
            before.peer.close()
        if told is None:
            return None
        share = Share(f"{self._identity.deployment}/{told.version}", told.percent)
        if stays:
            return Candidate(told, share, stays.peer, stays.arms)
        return Candidate(told, share, Peer(told.url, self._identity.model, told.version, "Candidate"), Arms(told.version))

    def _next_shadow(self, told: ShadowShare | None) -> tuple[Share, Shadow] | None:
        before = self._shadow[1] if self._shadow else None
        stays = before if before and told and (before.version, before.url) == (told.version, told.url) else None
        if before and not stays:
            before.close()
        if told is None:
            return None
        share = Share(f"{self._identity.deployment}/{told.version}/shadow", told.percent)
        return share, stays or Shadow(told.version, told.url, Peer(told.url, self._identity.model, told.version, "Shadow"), self._threads)

    def collect(self) -> Iterator[Metric]:
        """What `/metrics` shows: the acknowledgement first."""
        values = [self._identity.deployment, self._identity.model, self._identity.version]
        percent = self._candidate.share.percent if self._candidate else 0.0
        for name, text, value in (
            ("generation", "Which text of the split is followed; 0 for none.", self._generation),
            ("weight_percent", "Share of the requests that go to the candidate.", percent),
            ("broken", "1 where the last text could not be read, and the one before is followed.", self._broken),
        ):
            gauge = GaugeMetricFamily(f"trimtab_split_{name}", text, labels=LABELS)
            gauge.add_metric(values, float(value))
            yield gauge
        if self._candidate:
            yield from self._candidate.arms.collect(LABELS, values)
        if self._shadow:
            yield from self._shadow[1].collect(LABELS, values)
