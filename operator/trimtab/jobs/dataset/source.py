"""Which objects are the source: from the address a person wrote to a list of files of one format.

Decides nothing about what is in them. The list (address, ETag, size of each) is half of a version's digest.
"""

import fnmatch
import re
from dataclasses import dataclass
from typing import Any, Literal

from trimtab.api.dataset import Source
from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault
from trimtab.store.client import ObjectInfo, Store, split_uri

Format = Literal["csv", "parquet"]

SUFFIXES: dict[Format, tuple[str, ...]] = {"csv": (".csv", ".csv.gz"), "parquet": (".parquet", ".pq")}
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Wanted:
    """The version that the source as it is now would be."""

    digest: str
    root: str
    inputs: dict[str, Any]
    form: Format
    objects: list[ObjectInfo]


def find(store: Store, source: Source) -> tuple[Format, list[ObjectInfo]]:
    """The source's objects in the order of their keys, and their format; NoObjects where there are none."""
    objects = matching(source, _listed(store, source.uri))
    formats = {found for each in objects if (found := format_of(each.key))}
    if len(formats) > 1 and not source.format:
        raise UserFault(Reason.SOURCE_UNREADABLE, f"There are csv and parquet files under {source.uri}; say which with spec.source.format.")
    if not objects:
        raise UserFault(Reason.NO_OBJECTS, Reason.NO_OBJECTS.say(format=source.format or "csv or parquet", uri=source.uri))
    return source.format or formats.pop(), objects


def fingerprint(objects: list[ObjectInfo]) -> list[dict[str, Any]]:
    """What a digest holds of the objects."""
    return [{"uri": each.uri, "etag": each.etag, "size": each.size} for each in objects]


def _listed(store: Store, uri: str) -> list[ObjectInfo]:
    """What could match: everything that starts with the part of the address before its first pattern character."""
    return store.list(_GLOB.split(uri, maxsplit=1)[0])


def matching(source: Source, listed: list[ObjectInfo]) -> list[ObjectInfo]:
    """Those of the listed objects that the address means.

    A pattern means what it matches. Else the one object of that name; else, as a folder, what lies under it with a suffix of the
    format. Under folders and patterns, empty objects and names that start with `_` or `.` are markers, not data.
    """
    wanted = split_uri(source.uri)[1]
    if any(exact := [each for each in listed if each.key == wanted and each.size]) and (source.format or format_of(wanted)):
        return exact
    if _GLOB.search(wanted):
        found = [each for each in listed if re.fullmatch(pattern(wanted), each.key)]
    else:
        found = [each for each in listed if each.key.startswith(f"{wanted.rstrip('/')}/" if wanted else "")]
    return [each for each in found if each.size and not _is_marker(each.key) and _has_format(each.key, source.format, any_name=bool(_GLOB.search(wanted)))]


def pattern(glob: str) -> str:
    """A regular expression for a pattern in which `*` stays within a folder and `**` does not."""
    parts = re.split(r"(\*\*/?|\*|\?|\[[^]]*\])", glob)
    return "".join(_piece(part) for part in parts)


def _piece(part: str) -> str:
    if part.startswith("["):
        return fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\z").removesuffix(r")\Z")
    return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)


def format_of(key: str) -> Format | None:
    return next((name for name, suffixes in SUFFIXES.items() if key.lower().endswith(suffixes)), None)


def _has_format(key: str, wanted: Format | None, *, any_name: bool) -> bool:
    """A pattern together with a format is taken at its word; a folder is looked through for names that fit."""
    if wanted and any_name:
        return True
    found = format_of(key)
    return found == wanted if wanted else found is not None


def _is_marker(key: str) -> bool:
    return key.rpartition("/")[2].startswith(("_", "."))
