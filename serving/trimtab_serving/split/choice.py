"""Who is in a share: the same key always gets the same answer, and who is in at 5% is still in at 25%.

Salted by deployment and version, so that it is not always the same users who try what is new first.
"""

from hashlib import blake2b, sha256

PLACES = 1 << 64
"""So many places are there on the line between 0 and 100%: a share is met exactly."""
PSEUDONYM_CHARACTERS = 32
"""128 bits: no two users meet."""


class Share:
    """A percentage of all keys.

    >>> half = Share("prod/7", 50)
    >>> half.takes(b"ann"), half.takes(b"ann") == half.takes(b"ann"), Share("prod/7", 100).takes(b"ann")
    (True, True, True)
    """

    def __init__(self, salt: str, percent: float) -> None:
        self.percent = percent
        self._salt = f"{salt}/".encode()
        self._end = round(percent / 100 * PLACES)

    def takes(self, key: bytes) -> bool:
        return int.from_bytes(blake2b(self._salt + key, digest_size=8).digest(), "big") < self._end


def pseudonym(deployment: str, value: bytes) -> str:
    """What a user is called in the prediction log: the same in all pods and versions of a deployment, and another in the next one."""
    return sha256(f"{deployment}/user/".encode() + value).hexdigest()[:PSEUDONYM_CHARACTERS]
