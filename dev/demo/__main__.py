"""`make demo`: a year of real flights, from nothing to a model that keeps itself on course, on a real cluster.

    act 0  from nothing to a prediction: cluster, images, Trimtab by Helm, January's flights, a model that answers
    act 2  February to June: new labels come, new models are trained, judged, and take over, or are refused
    act 3  July: somebody brings a model that knows nothing; it is fast and never fails
    act 4  August and September: nothing needs to be done, and nothing is

(Act 1, the launch on January's flights, is the end of act 0.) ACTS=0 ends at the first prediction; without it all are played. DAYS_A_MINUTE=16 is how fast the flights come,
ONE_OF=1 how many of them are asked about.
Takes the cluster that `CLUSTER` names (see `python3 dev/cluster`).
"""

import os
import sys

import ending
import impostor
import killing
import launch
import months
import promises
import quiet
from kube import ROOT
from telling import Telling
from terminal import step, times

STORY = [
    ("February to June: the model keeps learning", months.play),
    ("July: a model that knows nothing", impostor.play),
    ("August and September: nothing to do", quiet.play),
    ("how it went", ending.play),
]


def main() -> None:
    os.chdir(ROOT)
    launch.play()
    if os.environ.get("ACTS") != "0":
        with Telling() as telling:
            if seed := os.environ.get("CHAOS"):
                killing.Killing(int(seed)).start()
            for title, act in STORY:
                with step(title):
                    act(telling)
            print("\nWhat must hold")
            broken = promises.broken(telling)
        if broken:
            sys.exit(f"Broken: {', '.join(broken)}")
    print(f"\nTimes\n{times()}\n\nTake it down: make down")


if __name__ == "__main__":
    main()
