"""The client against a tiny HTTP server that remembers what it was asked and answers as it was told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from trimtab.kube import transport
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict, NotFound, Unreachable
from trimtab.kube.informer import kopf
from trimtab.kube.metrics import API_REQUESTS
from trimtab.kube.transport import HttpClient, path

JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default", "resourceVersion": "5"}}


class Server:
    """`answers` are given in turn, the last one for ever: (status, body) or (status, body, headers)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], Any]] = []
        self.answers: list[Any] = [(200, {})]
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.asked.append((request.method, request.path, dict(request.query), dict(request.headers), json.loads(text) if text else None))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "hang":
            await asyncio.sleep(30)
        status, body, *headers = answer
        return web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body), headers=headers[0] if headers else None)

    def connection(self, token: str = "secret") -> Callable[[], kopf.ConnectionInfo]:
        return lambda: kopf.ConnectionInfo(server=f"http://127.0.0.1:{self.port}", token=token)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    it = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", it.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.port = runner.addresses[0][1]
    yield it
    await runner.cleanup()


@pytest_asyncio.fixture
async def client(server: Server) -> AsyncIterator[HttpClient]:
    async with HttpClient(server.connection()) as it:
        yield it


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "RETRY_SECONDS", (0.01, 0.02))


def failure(code: int, reason: str = "", message: str = "the server's sentence") -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "message": message, "reason": reason, "code": code}


def count(verb: str, code: int) -> float:
    return API_REQUESTS.labels(verb, str(code))._value.get()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("v1", "pods"), "/api/v1/pods"),
        (("v1", "pods", "default", "p"), "/api/v1/namespaces/default/pods/p"),
        (("batch/v1", "jobs", "default"), "/apis/batch/v1/namespaces/default/jobs"),
        (("v1", "namespaces", "", "n"), "/api/v1/namespaces/n"),
    ],
)
def test_paths_are_those_of_the_api(arguments: tuple[str, ...], expected: str) -> None:
    assert path(*arguments) == expected


async def test_get_gives_the_object_and_carries_the_token(server: Server, client: HttpClient) -> None:
    server.answers = [(200, JOB)]
    assert await client.get("batch/v1", "jobs", "default", "j") == JOB
    method, where, _, headers, _ = server.asked[0]
    assert (method, where, headers["Authorization"]) == ("GET", "/apis/batch/v1/namespaces/default/jobs/j", "Bearer secret")


async def test_get_of_nothing_is_none(server: Server, client: HttpClient) -> None:
    server.answers = [failure(404, "NotFound")]
    assert await client.get("batch/v1", "jobs", "default", "j") is None


async def test_list_reads_page_after_page_and_names_each_object_s_kind(server: Server, client: HttpClient) -> None:
    first = {"apiVersion": "batch/v1", "kind": "JobList", "metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    second = {"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": [{"metadata": {"name": "b"}}]}
    server.answers = [(200, first), (200, second)]
    found = await client.list("batch/v1", "jobs", "default", label_selector="a=b", field_selector="metadata.name=a")
    assert [(obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) for obj in found] == [("batch/v1", "Job", "a"), ("batch/v1", "Job", "b")]
    assert [asked[2].get("continue") for asked in server.asked] == [None, "more"]
    assert all((asked[2]["labelSelector"], asked[2]["fieldSelector"], asked[2]["limit"]) == ("a=b", "metadata.name=a", "500") for asked in server.asked)


async def test_a_page_that_the_server_forgot_starts_the_list_anew(server: Server, client: HttpClient) -> None:
    first = {"apiVersion": "v1", "kind": "PodList", "metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    whole = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}
    server.answers = [(200, first), failure(410, "Expired"), (200, whole)]
    assert [obj["metadata"]["name"] for obj in await client.list("v1", "pods")] == ["a", "b"]


async def test_a_list_without_a_namespace_asks_in_each_that_the_operator_looks_after(server: Server) -> None:
    server.answers = [(200, {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": []})]
    async with HttpClient(server.connection(), ["a", "b"]) as client:
        await client.list("v1", "pods")
    assert [asked[1] for asked in server.asked] == ["/api/v1/namespaces/a/pods", "/api/v1/namespaces/b/pods"]


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_busy_server_is_read_from_again(server: Server, client: HttpClient, code: int) -> None:
    server.answers = [failure(code), failure(code), (200, JOB)]
    assert await client.get("batch/v1", "jobs", "default", "j") == JOB


async def test_a_server_that_stays_busy_is_an_error_after_the_third_try(server: Server, client: HttpClient) -> None:
    server.answers = [failure(503)]
    with pytest.raises(ApiError, match="the server's sentence"):
        await client.get("batch/v1", "jobs", "default", "j")
    assert len(server.asked) == 3


async def test_a_write_is_sent_once(server: Server, client: HttpClient) -> None:
    server.answers = [failure(503)]
    with pytest.raises(ApiError):
        await client.create("batch/v1", "jobs", JOB)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [(404, "NotFound", NotFound), (409, "Conflict", Conflict), (409, "AlreadyExists", AlreadyExists), (403, "Forbidden", ApiError), (422, "Invalid", ApiError)],
)
async def test_refusals_are_typed_and_carry_the_server_s_sentence(server: Server, client: HttpClient, code: int, reason: str, kind: type[ApiError]) -> None:
    server.answers = [failure(code, reason)]
    with pytest.raises(kind, match="the server's sentence") as caught:
        await client.create("batch/v1", "jobs", JOB)
    assert (type(caught.value), caught.value.code, caught.value.reason) == (kind, code, reason)


async def test_an_object_that_is_another_by_now_is_a_conflict_though_the_server_calls_it_invalid(server: Server, client: HttpClient) -> None:
    code, status = failure(422, "Invalid")
    server.answers = [(code, status | {"details": {"causes": [{"field": "metadata.uid"}]}})]
    with pytest.raises(Conflict):
        await client.apply("batch/v1", "jobs", JOB)


async def test_apply_is_a_forced_server_side_apply_in_our_name(server: Server, client: HttpClient) -> None:
    await client.apply("batch/v1", "jobs", JOB)
    method, where, query, headers, body = server.asked[0]
    assert (method, where, body) == ("PATCH", "/apis/batch/v1/namespaces/default/jobs/j", JOB)
    assert query == {"fieldManager": "trimtab", "force": "true"}
    assert headers["Content-Type"] == "application/apply-patch+yaml"


async def test_patch_is_a_merge_patch(server: Server, client: HttpClient) -> None:
    await client.patch("v1", "pods", "default", "p", {"metadata": {"labels": {"a": None}}})
    assert server.asked[0][3]["Content-Type"] == "application/merge-patch+json"


async def test_delete_pins_the_uid_and_says_what_becomes_of_the_children(server: Server, client: HttpClient) -> None:
    await client.delete("batch/v1", "jobs", "default", "j", uid="u")
    assert server.asked[0][4] == {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background", "preconditions": {"uid": "u"}}


async def test_deleting_what_is_gone_is_success(server: Server, client: HttpClient) -> None:
    server.answers = [failure(404, "NotFound")]
    await client.delete("batch/v1", "jobs", "default", "j")


async def test_status_is_put_to_its_subresource(server: Server, client: HttpClient) -> None:
    await client.put_status("batch/v1", "jobs", JOB)
    assert server.asked[0][:2] == ("PUT", "/apis/batch/v1/namespaces/default/jobs/j/status")


async def test_no_request_waits_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.2)
    server.answers = ["hang"]
    async with HttpClient(server.connection()) as client:
        with pytest.raises(Unreachable, match="TimeoutError"):
            await client.create("batch/v1", "jobs", JOB)


async def test_a_server_that_is_not_there_is_unreachable_and_counted(server: Server) -> None:
    before = count("get", 0)
    async with HttpClient(lambda: kopf.ConnectionInfo(server="http://127.0.0.1:9")) as client:
        with pytest.raises(Unreachable):
            await client.get("v1", "pods", "default", "p")
    assert count("get", 0) - before == 3


async def test_requests_are_counted_by_verb_and_code(server: Server, client: HttpClient) -> None:
    before = count("put_status", 409)
    server.answers = [failure(409, "Conflict")]
    with pytest.raises(Conflict):
        await client.put_status("batch/v1", "jobs", JOB)
    assert count("put_status", 409) - before == 1


async def test_a_refused_token_is_read_anew(server: Server) -> None:
    connections = iter([server.connection(token)() for token in ("old", "new", "newer")])
    async with HttpClient(lambda: next(connections)) as client:
        server.answers = [failure(401, "Unauthorized"), (200, JOB)]
        with pytest.raises(ApiError):
            await client.get("batch/v1", "jobs", "default", "j")
        await client.get("batch/v1", "jobs", "default", "j")
    assert [asked[3]["Authorization"] for asked in server.asked] == ["Bearer new", "Bearer newer"]


async def test_an_answer_that_is_not_the_api_server_s_is_unreachable(server: Server, client: HttpClient) -> None:
    server.answers = [(200, "<html>a proxy's login page</html>")]
    with pytest.raises(Unreachable, match="not JSON"):
        await client.create("batch/v1", "jobs", JOB)


async def test_an_error_without_a_sentence_names_request_and_code(server: Server, client: HttpClient) -> None:
    server.answers = [(502, "bad gateway")]
    with pytest.raises(ApiError, match="POST /apis/batch/v1/namespaces/default/jobs: 502 bad gateway"):
        await client.create("batch/v1", "jobs", JOB)


async def test_a_pod_does_not_choose_where_the_operator_goes(server: Server, client: HttpClient) -> None:
    server.answers = [(302, "elsewhere", {"Location": f"http://127.0.0.1:{server.port}/secret"}), (200, "x 1\n")]
    with pytest.raises(Unreachable):
        await client.scrape("127.0.0.1", server.port)
    assert [asked[1] for asked in server.asked] == ["/metrics"]


async def test_a_page_that_comes_in_pieces_is_read_to_its_end_and_an_endless_one_is_not(server: Server, client: HttpClient) -> None:
    server.answers = [(200, "y 1\n" * 100_000)]
    assert await client.scrape("127.0.0.1", server.port) == "y 1\n" * 100_000
    server.answers = [(200, "y 1\n" * 500_000)]
    assert len(await client.scrape("127.0.0.1", server.port)) == transport.SCRAPE_BYTES


async def test_a_pod_is_scraped_without_our_credentials(server: Server, client: HttpClient) -> None:
    server.answers = [(200, "trimtab_progress_percent 5\n")]
    assert await client.scrape("127.0.0.1", server.port) == "trimtab_progress_percent 5\n"
    assert "Authorization" not in server.asked[0][3]


async def test_a_pod_that_does_not_answer_in_time_is_unreachable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SCRAPE_SECONDS", 0.2)
    server.answers = ["hang"]
    async with HttpClient(server.connection()) as client:
        with pytest.raises(Unreachable):
            await client.scrape("127.0.0.1", server.port)


async def test_the_server_s_version_is_two_numbers(server: Server, client: HttpClient) -> None:
    server.answers = [(200, {"major": "1", "minor": "34+"})]
    assert await client.version() == (1, 34)
