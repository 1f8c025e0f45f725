"""Standard input into the object store: `python -m trimtab.store.put s3://bucket/key < file`.

For a pod that may use its namespace's store, with `kubectl exec -i`: a store inside the cluster has no address for a laptop.
The object appears whole or not at all.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from trimtab.store.client import Store
from trimtab.store.errors import StoreError
from trimtab.store.settings import StoreSettings


def put(store: Store, uri: str) -> str:
    """Copy standard input to `uri`; the sha256 of what was written."""
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        return store.upload(Path(file.name), uri)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(f"{sys.argv[1]} written, sha256 {put(Store(StoreSettings.from_environment()), sys.argv[1])}")
    except (StoreError, ValueError) as error:
        sys.exit(str(error))
