"""How it ends: the timeline once more, what is there now, what each retraining brought, and a picture of it."""

import json
import re
from pathlib import Path
from typing import Any

from kube import NAMESPACE, ROOT, Resource, every, kubectl, show, upload_pod
from telling import Moment, Telling
from terminal import say

import chart

PICTURE = ROOT / "demo.png"
HERE = Path(__file__).parent
INTO = re.compile(r"to flights-v(\d+)\b")

NEXT = """What to try next:
  python3 dev/cluster kubectl describe dm flights -n flights        why the monitor did what it did
  python3 dev/cluster kubectl get mv -n flights -o wide             each version, and what its gates said
  python3 dev/cluster kubectl get events -n flights                 all that was told, not only the above
  python3 dev/cluster kubectl apply -f examples/flights/trainingjob-boosted.yaml -n flights      another recipe for the same model
  python3 dev/cluster kubectl annotate mdep flights trimtab.dev/paused=true -n flights           stop all of it"""


def play(telling: Telling) -> None:
    print("\nTimeline (the flights' dates)")
    for moment in telling.moments:
        print(f"  {moment}")
    show("get", "ml", "-n", NAMESPACE)
    found = reckon()
    say(f"   {found['rows']:,} flights were answered and have a label")
    for each in found["gains"]:
        say(f"   {gain(each)}")
    chart.draw(found["weeks"], marks(telling.moments), PICTURE)
    say(f"   drawn: {PICTURE}")
    print(f"\n{NEXT}")


def reckon() -> Any:
    """In a pod, because the store has no address outside; of the versions that were trained here and served."""
    served = {each["version"] for each in every("modeldeployments")[0]["status"]["history"]}
    versions = [pointer(each) for each in every("modelversions") if each["spec"]["version"] in served and "manifestDigest" in each["spec"]["artifact"]]
    with upload_pod():
        code = (HERE / "reckoning.py").read_bytes()
        return json.loads(kubectl("exec", "-i", "upload", "-n", NAMESPACE, "--", "python", "-", json.dumps(versions), stdin=code))


def pointer(version: Resource) -> Resource:
    spec = version["spec"]
    return {"version": spec["version"], "uri": spec["artifact"]["uri"], "manifestDigest": spec["artifact"]["manifestDigest"]}


def gain(each: Resource) -> str:
    if not each["labels"]:
        return f"version {each['version']} never answered"
    (by, low, high), (all_, least, most) = each["gain"], each["first"]
    return (
        f"version {each['version']} from {each['since']}: log loss lower by {by:.4f} ({low:.4f} to {high:.4f}) than version {each['before']}'s, "
        f"by {all_:.4f} ({least:.4f} to {most:.4f}) than the first version's, on the same {each['labels']:,} flights of four weeks"
    )


def marks(moments: list[Moment]) -> chart.Marks:
    """Where traffic moved from one version to another."""
    back = {moment.note.split()[0] for moment in moments if moment.reason == "TakenBack"}
    found = []
    for moment in moments:
        if moment.reason == "Switched" and (into := INTO.search(moment.note)):
            returned = any(name in moment.note.split(" to ")[0] for name in back)
            found.append((moment.date, f"v{into[1]}{' again' if returned else ''}", returned))
    return found
