"""Where everything lies in the object store. A folder's URI has no slash at its end; nothing here talks to a store."""

from dataclasses import dataclass
from datetime import datetime

from trimtab.store.settings import StoreSettings

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Layout:
    """The tree under one namespace's bucket and prefix."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, settings: StoreSettings) -> "Layout":
        return cls(settings.bucket, settings.prefix)

    def feature_set_folder(self, name: str) -> str:
        """All versions of a FeatureSet."""
        return self._at("featuresets", name)

    def feature_set(self, name: str, digest: str) -> str:
        """One version: manifest.json, and its files under `<pod uid>/`."""
        return self._at("featuresets", name, digest)

    def dataset_folder(self, name: str) -> str:
        """All versions of a Dataset."""
        return self._at("datasets", name)

    def dataset(self, name: str, digest: str) -> str:
        """One version: manifest.json, and its files under `<pod uid>/`."""
        return self._at("datasets", name, digest)

    def model(self, model: str, digest: str) -> str:
        """One model: manifest.json, and its files under `<pod uid>/`."""
        return self._at("models", model, digest)

    def run(self, training_job: str, run_key: str) -> str:
        """The record of one run."""
        return self._at("runs", training_job, run_key)

    def run_index(self) -> str:
        """Parquet index of run records, for search."""
        return self._at("index", "runs")

    def predictions(self, deployment: str) -> str:
        """All logged predictions of a Deployment, whatever its version was."""
        return self._at("predictions", deployment)

    def prediction_file(self, deployment: str, hour: datetime, pod: str, sequence: int) -> str:
        """What one pod answered in one hour (UTC), or a part of it."""
        return self._at("predictions", deployment, f"date={hour:%Y-%m-%d}", f"hour={hour:%H}", f"{pod}-{sequence}.parquet")

    def labels(self, deployment: str) -> str:
        """All labels that came for a Deployment's predictions."""
        return self._at("labels", deployment)

    def label_file(self, deployment: str, received: datetime, source: str, sequence: int) -> str:
        """Labels that came together on one day (UTC)."""
        return self._at("labels", deployment, f"date={received:%Y-%m-%d}", f"{source}-{sequence}.parquet")

    def windows(self, deployment: str, model_digest: str) -> str:
        """Profiles of what one model was asked, by window."""
        return self._at("windows", deployment, model_digest)

    def window_file(self, deployment: str, model_digest: str, start: datetime, pod: str, sequence: int) -> str:
        """One pod's part of the profile of one window, named by its start (UTC)."""
        return self._at("windows", deployment, model_digest, f"{start:%Y-%m-%dT%H:%M:%SZ}", f"{pod}-{sequence}.json")

    def reports(self, driftmonitor: str) -> str:
        """Everything that one DriftMonitor's evaluations have written."""
        return self._at("reports", driftmonitor)

    def report(self, driftmonitor: str, start: datetime) -> str:
        """What was found in one window, named by its start (UTC): report.json, report.html, and the window's own profile."""
        return self._at("reports", driftmonitor, f"{start:%Y-%m-%dT%H:%M:%SZ}")

    def incident_report(self, driftmonitor: str, incident: str) -> str:
        """The report that stood when an incident was last looked at."""
        return self._at("reports", driftmonitor, "incidents", incident)

    def false_alarms(self, driftmonitor: str, digest: str) -> str:
        """How often one reference would have alarmed under one set of levels; the digest is of both."""
        return self._at("reports", driftmonitor, "false-alarms", f"{digest}.json")

    def parity(self, driftmonitor: str, digest: str) -> str:
        """What was found of one FeatureSet's version and one model; the digest is of both."""
        return self._at("reports", driftmonitor, "parity", f"{digest}.json")

    def _at(self, *parts: str) -> str:
        return "/".join([f"s3://{self.bucket}", *([self.prefix] if self.prefix else []), *parts])


def claims(folder: str) -> str:
    """Where the numbers of those versions are claimed."""
    return f"{folder}/versions"


def claim(folder: str, number: int) -> str:
    """The object whose existence says that `number` is taken, and whose content is the digest that took it."""
    return f"{claims(folder)}/{number}"


def manifest_uri(root: str) -> str:
    """The one object that says what is under `root`."""
    return f"{root.rstrip('/')}/{MANIFEST}"
