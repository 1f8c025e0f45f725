"""Version numbers, claimed in the store so that they survive everything that happens to the cluster.

`versions/<N>` holds the digest that took N and is written only where nothing is. A digest that has a number keeps it: claiming
twice, from two pods or after a crash, gives the same answer.
"""

from trimtab.store.client import Store
from trimtab.store.layout import claim as claim_uri
from trimtab.store.layout import claims


def claim(store: Store, folder: str, digest: str) -> tuple[int, bool]:
    """For the versions in a folder: (the digest's number, whether it was taken just now)."""
    while True:
        numbers = _taken(store, folder)
        # The newest first: what is asked about again is nearly always the last one.
        for number in reversed(numbers):
            if store.get(claim_uri(folder, number)).decode() == digest:
                return number, False
        number = (numbers or [0])[-1] + 1
        if store.put_if_absent(claim_uri(folder, number), digest.encode()):
            return number, True


def _taken(store: Store, folder: str) -> list[int]:
    names = [each.key.rpartition("/")[2] for each in store.list(f"{claims(folder)}/")]
    return sorted(int(name) for name in names if name.isdigit())
