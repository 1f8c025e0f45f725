"""Many small files of the index become one, and whatever happens in between no run is lost and none is there twice for a reader."""

import io
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from support.memory_store import MemoryStore
from trimtab.cli.index import Index
from trimtab.jobs.training import run_index
from trimtab.jobs.training.compaction import REST, compact
from trimtab.jobs.training.record import RunRecord
from trimtab.store.errors import StoreUnreachable
from trimtab.store.run_index import NEWEST, index_file, is_compacted, relation

FOLDER = "s3://b/p/index/runs"


def run(key: str, outcome: str = "Succeeded", day: int = 1, job: str = "flights") -> RunRecord:
    ended = {} if outcome == "Running" else {"finished_at": f"2013-02-{day:02d}T01:00:00Z"}
    facts = {"run_key": key, "training_job": job, "namespace": "n", "model": "flights", "recipe": {}, "trainer": {"parameters": {"depth": 3}}}
    return RunRecord.model_validate({**facts, "outcome": outcome, "started_at": f"2013-02-{day:02d}T00:00:00Z", **ended})


class Runs(MemoryStore):
    """A namespace's index; `before_delete` happens between a compaction's writing and its deleting."""

    def __init__(self, *runs: RunRecord) -> None:
        super().__init__()
        self.before_delete = lambda: None
        for each in runs:
            self.write(each)

    def write(self, each: RunRecord) -> None:
        self.put(index_file(FOLDER, each.training_job, each.run_key), run_index.file(each))

    def delete(self, uris) -> int:
        self.before_delete()
        for uri in uris:
            del self.objects[uri]
        return len(uris)

    @property
    def small(self) -> list[str]:
        return [uri.rpartition("/")[2] for uri in self.objects if not is_compacted(uri)]

    def read(self, folder: Path) -> list[tuple[str, str, str]]:
        """As docs/run-record.md reads it."""
        folder.mkdir(exist_ok=True)
        for uri, content in self.objects.items():
            (folder / uri.rpartition("/")[2]).write_bytes(content)
        found = duckdb.sql(f"SELECT training_job, run_key, outcome FROM {relation(str(folder))} QUALIFY {NEWEST} ORDER BY ALL").fetchall()
        for each in folder.iterdir():
            each.unlink()
        return found


ENDED = [run(f"k{n:02d}", ("Succeeded", "Failed", "Rejected")[n % 3]) for n in range(12)]


def test_rows_are_put_together_and_read_the_same_and_one_that_goes_on_is_seen_to_end(tmp_path):
    runs = Runs(*ENDED, run("goes-on", "Running"))
    before = runs.read(tmp_path / "read")
    assert compact(runs, FOLDER, least=10) == 13
    assert (runs.small, len(runs.objects)) == ([], 1)
    assert runs.read(tmp_path / "read") == before
    runs.write(run("goes-on", "Succeeded"))
    assert runs.read(tmp_path / "read") == sorted([*(each for each in before if each[1] != "goes-on"), ("flights", "goes-on", "Succeeded")])


def test_a_file_of_a_newer_trimtab_brings_its_columns_along(tmp_path):
    runs = Runs(*ENDED)
    newer = pq.read_table(io.BytesIO(run_index.file(run("new")))).append_column("carbon_grams", [[3.5]])
    buffer = io.BytesIO()
    pq.write_table(newer, buffer)
    runs.put(index_file(FOLDER, "flights", "new"), buffer.getvalue())
    runs.put(index_file(FOLDER, "flights", "broken"), b"no parquet")
    assert compact(runs, FOLDER, least=10) == 13
    assert runs.small == ["flights-broken.parquet"]
    (content,) = (content for uri, content in runs.objects.items() if is_compacted(uri))
    assert pq.read_table(io.BytesIO(content))["carbon_grams"].drop_null().to_pylist() == [3.5]


def test_a_few_files_are_left_alone_and_so_are_those_that_were_just_written():
    runs = Runs(*ENDED)
    assert compact(runs, FOLDER, least=13) == 0
    long_ago = datetime.min.replace(tzinfo=UTC)
    assert compact(runs, FOLDER, least=10, now=long_ago + REST) == 0
    assert len(runs.small) == 12


def test_what_was_put_together_is_not_touched_again_and_the_next_come_beside_it(tmp_path):
    runs = Runs(*ENDED)
    compact(runs, FOLDER, least=10)
    assert compact(runs, FOLDER, least=1) == 0
    for n in range(20, 32):
        runs.write(run(f"k{n}"))
    assert compact(runs, FOLDER, least=10) == 12
    assert runs.small == []
    assert len(runs.read(tmp_path / "read")) == 24


def test_an_attempt_that_begins_in_the_middle_keeps_its_file(tmp_path):
    runs = Runs(*ENDED)
    again = run("k01", "Running", day=5)
    listed, runs.list = runs.list, lambda uri: (runs.write(again) if any(map(is_compacted, runs.objects)) else None, listed(uri))[1]
    assert compact(runs, FOLDER, least=10) == 12
    assert runs.small == ["flights-k01.parquet"]
    assert ("flights", "k01", "Running") in runs.read(tmp_path / "read")
    assert len(runs.read(tmp_path / "read")) == 12


def test_who_dies_before_deleting_leaves_rows_twice_and_readers_see_each_once(tmp_path):
    runs = Runs(*ENDED)
    before = runs.read(tmp_path / "read")

    def dies() -> None:
        raise StoreUnreachable("gone")

    runs.before_delete = dies
    assert compact(runs, FOLDER, least=10) == 0
    assert len(runs.objects) == 13
    assert runs.read(tmp_path / "read") == before
    runs.before_delete = lambda: None
    assert compact(runs, FOLDER, least=10) == 12, "the next one does it again, into the same file"
    assert len(runs.objects) == 1
    assert runs.read(tmp_path / "read") == before


def test_two_at_once_lose_nothing(tmp_path):
    runs = Runs(*ENDED)
    before = runs.read(tmp_path / "read")

    def another() -> None:
        runs.before_delete = lambda: None
        runs.write(run("k40"))
        compact(runs, FOLDER, least=10)

    runs.before_delete = another
    with pytest.raises(KeyError):  # this store minds deleting twice; a real one does not
        compact(runs, FOLDER, least=10)
    assert runs.read(tmp_path / "read") == sorted([*before, ("flights", "k40", "Succeeded")])


def test_a_training_job_of_any_name_is_no_compacted_file():
    assert not is_compacted(index_file(FOLDER, "compacted", "0" * 32))


def test_a_store_that_is_away_costs_the_run_nothing():
    runs = Runs(*ENDED)
    runs.away = "no answer"
    assert compact(runs, FOLDER, least=10) == 0
    assert len(runs.small) == 12


def test_the_commands_copy_takes_up_what_was_put_together(tmp_path):
    runs, index = Runs(*ENDED), Index(tmp_path / "index")

    def brought() -> list[tuple[str, str]]:
        listed = [{"uri": each.uri, "etag": each.etag} for each in runs.list(FOLDER)]
        files = {}
        for number, uri in enumerate(index.missing(listed)):
            files[uri] = tmp_path / f"{number}.parquet"
            files[uri].write_bytes(runs.objects[uri])
        index.take(listed, files)
        return sorted(index.select(["run_key", "outcome"]))

    before = brought()
    compact(runs, FOLDER, least=10)
    runs.write(run("k01", "Rejected", day=7))
    assert brought() == sorted([*(each for each in before if each[0] != "k01"), ("k01", "Rejected")])
    assert len(before) == 12
