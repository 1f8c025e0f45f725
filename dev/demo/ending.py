"""How it ends: the timeline once more, what is there now, what each retraining brought, and a picture of it."""

from kube import NAMESPACE, show
from telling import Telling

NEXT = """What to try next:
  python3 dev/cluster kubectl describe dm flights -n flights        why the monitor did what it did
  python3 dev/cluster kubectl get mv -n flights -o wide             each version, and what its gates said
  python3 dev/cluster kubectl annotate mv flights-v1 blocked.trimtab.dev/flights='try me' -n flights
  python3 dev/cluster kubectl apply -f examples/flights/trainingjob-boosted.yaml -n flights
  make chaos                                                        the same story while things are killed"""


def play(telling: Telling) -> None:
    print("\nTimeline")
    for moment in telling.moments:
        print(f"  {moment}")
    show("get", "ml", "-n", NAMESPACE)
    print(NEXT)
