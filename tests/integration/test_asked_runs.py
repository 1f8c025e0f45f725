"""An incident that a DriftMonitor's status holds becomes a run on a real API server; without the kind nothing is amiss."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import kopf
import pytest
import pytest_asyncio

from support.answers import snapshot_answer, train_answer
from support.builders import Object, dataset, training_job
from support.control_plane import ControlPlane
from support.played_namespace import Cluster
from trimtab.api.base import API_VERSION
from trimtab.controllers import dataset as dataset_controller
from trimtab.controllers import monitors
from trimtab.controllers import trainingjob as controller
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.kube.transport import HttpClient
from trimtab.plans.plan import Key

CONTROLLERS = {each.KIND.kind: each for each in (dataset_controller, controller)}
INCIDENT = {"id": "abc", "cause": "Performance", "openedAt": "2026-01-05T08:00:00Z", "trainingJob": "flights"}
MONITOR: Object = {"apiVersion": API_VERSION, "kind": "DriftMonitor", "metadata": {"name": "flights"}, "spec": {"deployment": "flights"}}


class Namespace(Cluster):
    """With an operator of the two kinds in this process: nobody else writes the monitor's status."""

    def __init__(self, kinds: ControlPlane, namespace: str, client: HttpClient) -> None:
        super().__init__(kinds, namespace)
        self._reconcile = Reconciler(client, CONTROLLERS, Settings(worker_image="worker:1"), lambda: datetime.now(UTC))

    async def settle(self) -> None:
        for _ in range(3):
            for kind in CONTROLLERS:
                await self._reconcile(Key(kind, self.namespace, "flights"))

    def running(self, verb: str) -> list[Object]:
        return [job for job in self.jobs(verb) if not job.get("status", {}).get("conditions")]

    async def registered(self) -> None:
        self.apply(dataset())
        self.apply(training_job())
        await self.settle()
        self.end(self.running("snapshot")[0], snapshot_answer(1))
        await self.settle()
        self.end(self.running("train")[0], train_answer())
        await self.settle()


@pytest_asyncio.fixture
async def cluster(kinds: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Namespace]:
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    async with HttpClient(lambda: kopf.login_with_kubeconfig(settings=kopf.OperatorSettings()), [namespace]) as client:
        yield Namespace(kinds, namespace, client)


async def test_an_open_incident_becomes_one_run_on_data_that_were_looked_for(cluster: Namespace) -> None:
    await cluster.registered()
    cluster.apply(MONITOR)
    cluster.set_status("driftmonitor", "flights", {"incident": INCIDENT})
    await cluster.settle()
    assert cluster.read("dataset", "flights")["status"]["answeredRequests"] == ["abc"]
    cluster.end(cluster.running("snapshot")[0], snapshot_answer(2))
    await cluster.settle()
    cluster.end(cluster.running("train")[0], train_answer(digest=2))
    await cluster.settle()
    runs = [(run["outcome"], run["cause"], run["request"], run["datasetVersion"]) for run in cluster.read("trainingjob", "flights")["status"]["runs"]]
    assert runs == [("Registered", "Incident", "abc", 2), ("Registered", "Change", "", 1)]
    await cluster.settle()
    assert len(cluster.jobs("train")) == 2


async def test_an_incident_without_new_data_is_answered_without_a_job(cluster: Namespace) -> None:
    await cluster.registered()
    cluster.apply(MONITOR)
    cluster.set_status("driftmonitor", "flights", {"incident": INCIDENT})
    await cluster.settle()
    cluster.end(cluster.running("snapshot")[0], snapshot_answer(1, reason="Unchanged"))
    await cluster.settle()
    assert cluster.condition("trainingjob") == ("True", "NothingNew")
    assert len(cluster.jobs("train")) == 1


async def test_a_cluster_without_the_kind_of_monitors_trains_all_the_same(cluster: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitors, "PLURAL", "nosuchmonitors")
    await cluster.registered()
    assert cluster.condition("trainingjob") == ("True", "Registered")


@pytest.mark.parametrize(
    ("policy", "words"),
    [({"onNewData": True}, "a pinned datasetVersion never gets new data"), ({"maxAutomaticRunsPerDay": 21}, "less than or equal to 20")],
)
async def test_a_policy_that_means_nothing_is_refused(cluster: Namespace, policy: Object, words: str) -> None:
    from subprocess import CalledProcessError

    with pytest.raises(CalledProcessError) as refused:
        cluster.apply(training_job(datasetVersion=1, runPolicy=policy))
    assert words in refused.value.stderr
