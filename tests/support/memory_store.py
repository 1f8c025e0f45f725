"""An object store in memory, with the verbs that reading needs: for tests of what is done with objects, not of S3."""

import hashlib
from pathlib import Path

from trimtab.store.client import Listing, ObjectInfo, Store, split_uri
from trimtab.store.errors import ObjectMissing, StoreUnreachable


class MemoryStore(Store):
    """Objects by URI; change `objects` to play tampering and loss, say in `away` why nothing can be written."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = ""

    def get(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise ObjectMissing(uri)
        return self.objects[uri]

    def put(self, uri: str, content: bytes) -> None:
        if self.away:
            raise StoreUnreachable(self.away)
        self.objects[uri] = content

    def put_if_absent(self, uri: str, content: bytes) -> bool:
        return self.objects.setdefault(uri, content) is content

    def list(self, prefix_uri: str) -> Listing:
        found = sorted(uri for uri in self.objects if uri.startswith(prefix_uri))
        return [ObjectInfo(uri, split_uri(uri)[1], hashlib.md5(self.objects[uri]).hexdigest(), len(self.objects[uri])) for uri in found]

    def download(self, uri: str, path: Path, on_bytes: object = None, etag: str | None = None) -> str:
        content = self.get(uri)
        path.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def upload(self, path: Path, uri: str) -> str:
        self.objects[uri] = path.read_bytes()
        return hashlib.sha256(self.objects[uri]).hexdigest()
