"""Data frames in, data frames out: a served model, and the features of a FeatureSet as they were known. For notebooks.

A frame is only ever asked for its own methods, so that pandas stays the business of whoever brings one.
"""

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from trimtab.cli.access import kubeconfig, transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.asking import ANSWER_SECONDS, call, reached
from trimtab.cli.blocking import wait_for
from trimtab.cli.errors import NotThere
from trimtab.cli.views import inference
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Listed, at

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 1000
"""Rows in one request: the server takes more, but a person waits for the first answer."""


@dataclass(frozen=True)
class Served:
    """A model that a Deployment serves."""

    name: str
    place: Place
    url: str | None = None

    def predict(self, data: "pd.DataFrame") -> "pd.DataFrame":
        """The answers to the rows of `data`, under its index: a column an output (`label`, `probability_0`, ...).

        Columns that the model does not know are left out, missing values are sent as such. UserError in the server's own sentence where it
        refuses; `attrs["model_version"]` of the answer says which version it is of.
        """
        answers = wait_for(self._asked([_row(each) for each in data.to_dict("records")]))
        tables = [inference.answer_table(each) for each in answers]
        _, *columns = tables[0].columns if tables else ("ROW",)
        found = {name.lower().replace(" ", "_"): [row[place] for table in tables for row in table.rows] for place, name in enumerate(columns, 1)}
        result = data[[]].assign(**found)
        result.attrs["model_version"] = ", ".join(dict.fromkeys(str(each["model_version"]) for each in answers))
        return result

    async def _asked(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        async with Cluster(kubeconfig.find(self.place)) as cluster:
            deployment = choose(await cluster.listed(), self.name, ("Deployment",))
            path = f"/v2/models/{deployment['spec']['model']}"
            timeout = aiohttp.ClientTimeout(ANSWER_SECONDS)
            async with reached(cluster, deployment, self.url) as (base, _), aiohttp.ClientSession(timeout=timeout) as session:
                metadata, _ = await call(session, "GET", base + path)
                bodies = [inference.request(rows[begin : begin + AT_ONCE], metadata) for begin in range(0, len(rows), AT_ONCE)]
                return [(await call(session, "POST", f"{base}{path}/infer", body))[0] for body in bodies]


def _row(values: Mapping[Any, Any]) -> dict[str, Any]:
    """As JSON has them: a value that is not equal to itself is missing, a time is text."""
    return {name: None if value != value else value.isoformat() if isinstance(value, dt.date) else value for name, value in values.items()}  # noqa: PLR0124


def model(name: str, *, namespace: str | None = None, context: str | None = None, url: str | None = None) -> Served:
    """A served model by the name of its Deployment or of the model; reached through a pod unless `url` says where it answers.

    >>> rows = pd.DataFrame({"distance": [900], "temperature": [10], "carrier": ["UA"], "origin": ["JFK"], "weekend": [True]}, index=["a"])
    >>> answers = trimtab.model("flights").predict(rows)
    >>> list(answers.index), list(answers.columns)
    (['a'], ['label', 'probability_0', 'probability_1'])
    """
    return Served(name, Place(namespace, context), url)


@dataclass(frozen=True)
class Features:
    """A FeatureSet whose versions lie in the namespace's store."""

    name: str
    place: Place
    version: int | None = None

    def at(self, data: "pd.DataFrame", timestamp: str) -> "pd.DataFrame":
        """`data` with each feature's value as it was known at the time in column `timestamp`: the very join that makes a Dataset.

        `data` needs the FeatureSet's entities as columns, of the same types. Rows keep their order and number; a value that nobody knew yet, or
        that had expired, is missing. Needs `pip install 'trimtab[worker]'`.
        """
        from trimtab.cli.local import joined

        with tempfile.TemporaryDirectory(prefix="trimtab-") as folder:
            return joined(data, timestamp, wait_for(self._fetched(Path(folder))), Path(folder))

    async def _fetched(self, folder: Path) -> dict[str, Any]:
        """The version that is meant, its files copied under the folder as they lie in the store."""
        async with Cluster(kubeconfig.find(self.place)) as cluster:
            version = self._chosen(await cluster.listed())
            async with transfer.opened(cluster) as store:
                there = [each["uri"] for each in await store.objects(f"{version['uri']}/")]
                for uri, path in (await store.fetch(there, folder / "fetched")).items():
                    to = folder / "store" / uri.removeprefix("s3://").partition("/")[2]
                    to.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(to)
        return version

    def _chosen(self, listed: Listed) -> dict[str, Any]:
        found = choose(listed, self.name, ("FeatureSet",))
        wanted = self.version or at(found, "status.activeVersion")
        versions: list[dict[str, Any]] = at(found, "status.versions", [])
        chosen = next((each for each in versions if each["version"] == wanted), None)
        if chosen is None:
            known = ", ".join(str(each["version"]) for each in versions) or "none yet"
            raise NotThere(f"FeatureSet {self.name} has no version {wanted or 'that is active'}; it has {known}.", f"trimtab why fset/{self.name}")
        return {"name": self.name, **chosen}


def features(name: str, *, version: int | None = None, namespace: str | None = None, context: str | None = None) -> Features:
    """A FeatureSet by its name; without `version` the one that is active.

    >>> departures = pd.DataFrame({"origin": ["JFK"], "departs": pd.to_datetime(["2013-01-01T08:00:00Z"])})
    >>> trimtab.features("weather").at(departures, "departs").temp.tolist()
    [41.5]
    """
    return Features(name, Place(namespace, context), version)
