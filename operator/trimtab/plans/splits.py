"""Which text stands on which pod, what pods were told last, and whether they follow it.

Pods of the version that clients reach carry the split: the candidate's share, the shadow's. Pods of the version before,
to which kept-alive connections may still lead, send everything on to the one that took over, and end each such connection
with the answer. Nobody else is told anything. What the share is to be, is decided in `rollout.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.api.split import SPLIT, CandidateShare, ShadowShare, Split, generation
from trimtab.plans.annotations import annotations
from trimtab.plans.conditions import is_true
from trimtab.plans.plan import Patch, Ref
from trimtab.plans.tallies import ALL, PodCounts

Manifest = dict[str, Any]
PODS = ("v1", "pods")


@dataclass(frozen=True)
class Followers:
    """The pods that share out requests (not on their way out), and what those that answer say of themselves, by name."""

    pods: Sequence[Manifest] = ()
    counts: Mapping[str, PodCounts] = field(default_factory=dict)

    @property
    def ready(self) -> list[Manifest]:
        return [pod for pod in self.pods if is_true(pod, "Ready")]

    @property
    def silent(self) -> tuple[str, ...]:
        """Ready pods that do not say what they follow."""
        return tuple(sorted(name_of(pod) for pod in self.ready if name_of(pod) not in self.counts))

    def follows(self, pod: Manifest) -> bool:
        """Whether a pod says that it acts upon the text it carries."""
        counts = self.counts.get(name_of(pod))
        return counts is not None and counts.generation == generation(text_on(pod))

    def told(self, version: int) -> CandidateShare | None:
        """What was written last about a version: a process that died may have reached some pods only."""
        shares = [share for pod in self.pods if (share := split_on(pod).candidate) and share.version == version]
        return max(shares, key=_progress, default=None)

    def following(self, share: CandidateShare | None) -> int:
        """How many ready pods carry this share, and act upon the text they carry."""
        return sum(1 for pod in self.ready if split_on(pod).candidate == share and self.follows(pod))

    def may_ask(self, version: int) -> bool:
        """Whether some pod may still ask a version: it carries its share, or says that it acts upon something older."""
        return any(version in _asked(split_on(pod)) for pod in self.pods) or any(name_of(pod) in self.counts and not self.follows(pod) for pod in self.ready)

    @property
    def programmed(self) -> int:
        """The mean of the shares that ready pods say they forward, in percent."""
        said = [self.counts[name_of(pod)].percent if name_of(pod) in self.counts else 0.0 for pod in self.ready]
        return round(sum(said) / len(said)) if said else 0


def name_of(pod: Manifest) -> str:
    return str(pod["metadata"]["name"])


def text_on(pod: Manifest) -> str:
    return annotations(pod).get(SPLIT, "")


def split_on(pod: Manifest) -> Split:
    """What a pod carries; what cannot be read is nothing, for the pod as for us."""
    try:
        return Split.read(text_on(pod))
    except ValueError:
        return Split()


def shared(candidate: CandidateShare | None, shadow: ShadowShare | None, sticky: str) -> str:
    """The text for pods that clients reach; without shares and without `sticky`, which the log follows too, there is none."""
    return Split(sticky=sticky, candidate=candidate, shadow=shadow).encode()


def passed_on(version: int, url: str) -> str:
    """The text for pods of the version before."""
    return Split(moved=True, candidate=CandidateShare(version=version, url=url, percent=ALL)).encode()


def writes(pods: Iterable[Manifest], text: str) -> list[Patch]:
    """What makes these pods carry the text; nothing where they do."""
    return [_write(pod, text) for pod in pods if text_on(pod) != text]


def _write(pod: Manifest, text: str) -> Patch:
    meta = pod["metadata"]
    return Patch(Ref(*PODS, meta["namespace"], meta["name"], meta["uid"]), {"metadata": {"annotations": {SPLIT: text or None}}})


def _progress(share: CandidateShare) -> tuple[bool, int, bool, float]:
    """A way back is the last word; else the further one, and the one whose clock runs."""
    return share.step < 0, abs(share.step), share.since is not None, share.percent


def _asked(split: Split) -> set[int]:
    return {share.version for share in (split.candidate, split.shadow) if share and share.percent > 0}
