"""`make reload`: the code as it is now, in the running cluster.

Builds the images (a code-only change touches one small layer), loads them into the cluster and restarts the operator; Jobs and
serving pods take the new images when they are next started.
"""

import subprocess
import sys
import time
from pathlib import Path

CLUSTER = [sys.executable, str(Path(__file__).resolve().parent / "cluster")]
OPERATOR = ["deployment/trimtab-operator", "-n", "trimtab-system"]

if __name__ == "__main__":
    began = time.monotonic()
    parts = sys.argv[1:] or ["operator", "worker", "serving"]
    subprocess.run([*CLUSTER, "build-images", *parts], check=True)
    subprocess.run([*CLUSTER, "load", *(f"trimtab/{part}:dev" for part in parts)], check=True)
    subprocess.run([*CLUSTER, "kubectl", "rollout", "restart", *OPERATOR], check=True)
    subprocess.run([*CLUSTER, "kubectl", "rollout", "status", *OPERATOR, "--timeout=60s"], check=True)
    print(f"running after {time.monotonic() - began:.0f} s")
