"""Constant requests to a URL, from wherever this runs: `python load.py URL < body.json`. Standard library only, one kept-alive connection.

Prints the counts so far as one line of JSON each second; who reads it takes the last line. A new connection is made where the
server closed the old one between two requests, as any HTTP client does; a request that got no answer counts under its exception.
"""

import http.client
import json
import sys
import time
import urllib.parse
from collections import Counter

PAUSE_SECONDS = 0.02
"""Fifty a second: enough to meet every instant of a switch, little beside two cores."""

LONGEST_SECONDS = 900
"""It ends by itself, also when whoever started it was killed."""


def main(url: str, body: bytes) -> None:
    parts = urllib.parse.urlsplit(url)
    counts: dict[str, Counter[str]] = {"codes": Counter(), "versions": Counter()}
    told = time.monotonic()
    end = told + LONGEST_SECONDS
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=10)
    while time.monotonic() < end:
        try:
            connection.request("POST", parts.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            counts["codes"][str(answer.status)] += 1
            counts["versions"][answer.headers.get("x-trimtab-version", "none")] += 1
            if answer.status != 200:
                print(text.decode(), file=sys.stderr, flush=True)
        except (http.client.HTTPException, OSError) as error:
            counts["codes"][type(error).__name__] += 1
            print(repr(error), file=sys.stderr, flush=True)
            connection.close()
        if time.monotonic() - told > 1:
            told = time.monotonic()
            print(json.dumps(counts), flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer.read())
