"""The store and its words: whole files or none, least recently used first out, keys that are only keys."""

from __future__ import annotations

import errno
import io
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from core.compute.queue.run import Run
from core.compute.store import Store, files
from core.compute.store.__main__ import main
from core.compute.store.runs import RunRecord
from core.compute.workers.wire import Garbled, pack_event, read_message, unpack_event, write_message
from core.jobs import (
    Checkpoint,
    Frame,
    InvalidSpec,
    JobNotFound,
    JobSpec,
    Metric,
    StoreFull,
)
from core.trajectory import Trajectory

KEYS = [digit * 64 for digit in "0123456789abcdef"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    yield store
    store.close()


def picture(value: float, size: int = 1000) -> Trajectory:
    return Trajectory({"x": np.full(size, value, np.float32)}, {"value": value})


def row(
    key: str, state: str, params: str = "{}", kind: str = "count", submitted_at: float = 1.0
) -> RunRecord:
    return RunRecord(key, kind, params, '["ada"]', state, 0, 1, None, None, submitted_at, None, None)


def test_results_come_back_bit_for_bit(store):
    store.put_result(KEYS[0], picture(0.1))
    result = store.get_result(KEYS[0])
    assert np.array_equal(result["x"], picture(0.1)["x"]) and result.meta == {"value": 0.1}
    assert store.has_result(KEYS[0]) and not store.has_result(KEYS[1]) and store.get_result(KEYS[1]) is None


@pytest.mark.parametrize("place", [0, 20, 40, 500, -1])
def test_every_flipped_bit_is_noticed_and_the_file_set_aside(store, caplog, place):
    store.put_result(KEYS[0], picture(1))
    path = store.path / "results" / "00" / KEYS[0]
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert store.get_result(KEYS[0]) is None and not store.has_result(KEYS[0])
    assert "damaged" in caplog.text and path.with_name(KEYS[0] + ".damaged").exists()
    store.put_result(KEYS[0], picture(2))
    assert store.get_result(KEYS[0]).meta["value"] == 2


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_at_any_point_leaves_the_previous_result(store, monkeypatch, call):
    store.put_result(KEYS[0], picture(1))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, call, full)
    for write in (
        lambda: store.put_result(KEYS[0], picture(2)),
        lambda: store.put_checkpoint(KEYS[0], Checkpoint(1, "one", {"w": np.zeros(3)})),
        lambda: store.blobs.put(b"bytes"),
    ):
        with pytest.raises(StoreFull):
            write()
    monkeypatch.undo()
    assert store.get_result(KEYS[0]).meta["value"] == 1 and store.get_checkpoint(KEYS[0]) is None
    assert not [path for path in store.path.rglob("*") if path.name.endswith(".tmp")]


def test_the_newest_two_checkpoints_are_kept(store):
    for step in range(1, 6):
        store.put_checkpoint(KEYS[0], Checkpoint(step, f"step {step}", {"w": np.full(3, step)}))
    kept = store.get_checkpoint(KEYS[0])
    assert (kept.step, kept.name, kept.arrays["w"].tolist()) == (5, "step 5", [5, 5, 5])
    assert len(list((store.path / "checkpoints" / KEYS[0]).iterdir())) == 2
    store.drop_checkpoints(KEYS[0])
    assert store.get_checkpoint(KEYS[0]) is None
    store.drop_checkpoints(KEYS[0])


def test_blobs_are_named_by_their_content(store):
    name = store.blobs.put(b"abc")
    assert name == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert store.blobs.put(b"abc") == name and store.blobs.get(name) == b"abc"
    (store.path / "blobs" / "ba" / name).write_bytes(b"abd")
    assert store.blobs.get(name) is None


@pytest.mark.parametrize(
    "key", ["../" * 21 + "x", "/etc/passwd", "", "0" * 63, "0" * 65, "0" * 64 + "\n", "É" * 64, 7]
)
def test_only_hexadecimal_keys_reach_the_disk(store, key):
    for touch in (
        store.get_result,
        store.has_result,
        store.blobs.get,
        store.get_checkpoint,
        store.drop_checkpoints,
    ):
        with pytest.raises(JobNotFound):
            touch(key)


def test_prune_removes_the_least_recently_used_and_spares_what_runs(store):
    blob = store.blobs.put(b"an upload that a waiting job will read")
    for age, key in enumerate(KEYS[:6]):
        store.put_result(key, picture(age))
        os.utime(store.path / "results" / key[:2] / key, (age, age))
    size = (store.path / "results" / "00" / KEYS[0]).stat().st_size
    os.utime(store.path / "blobs" / blob[:2] / blob, (0, 0))
    store.runs.save(row(KEYS[0], "running")), store.runs.save(row(KEYS[9], "queued", f'{{"image":"{blob}"}}'))
    store.runs.save(row(KEYS[2], "done"))
    store.get_result(KEYS[1])  # used now
    freed = store.prune(3 * size + 1000)
    assert freed == 3 * size
    assert [key for key in KEYS[:6] if store.has_result(key)] == [KEYS[0], KEYS[1], KEYS[5]]
    assert store.blobs.get(blob) and store.runs.get(KEYS[2]) is None
    assert store.prune(3 * size + 1000) == 0
    assert store.usage().results == 3 and store.usage().total_bytes <= 3 * size + 1000


def test_prune_does_not_touch_the_checkpoints_of_a_running_job(store):
    for key in KEYS[:2]:
        store.put_checkpoint(key, Checkpoint(1, "one", {"w": np.zeros(100)}))
    store.runs.save(row(KEYS[0], "running"))
    store.prune(0)
    assert store.get_checkpoint(KEYS[0]) and store.get_checkpoint(KEYS[1]) is None


def test_a_damaged_table_is_set_aside_and_results_remain(tmp_path, caplog):
    store = Store(tmp_path)
    store.put_result(KEYS[0], picture(1))
    (tmp_path / "runs.sqlite3").write_bytes(b"this is not a database" * 100)
    assert store.runs.unfinished() == [] and store.has_result(KEYS[0])
    assert (tmp_path / "runs.sqlite3.damaged").exists() and "damaged" in caplog.text
    store.close()


def test_threads_and_a_second_store_may_use_the_same_folder(store):
    second = Store(store.path)
    failures = []

    def use(mine, number):
        try:
            for _ in range(20):
                mine.put_result(KEYS[0], picture(number))
                assert mine.get_result(KEYS[0]).meta["value"] in range(8)
                mine.runs.save(row(KEYS[number], "done"))
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=((store, second)[n % 2], n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    assert not failures and all(store.runs.get(key) for key in KEYS[:8])


def test_the_command_line_verifies_and_prunes(store, capsys):
    store.put_result(KEYS[0], picture(1)), store.put_result(KEYS[1], picture(2)), store.blobs.put(b"abc")
    assert main(["verify", "--data", str(store.path)]) == 0
    path = store.path / "results" / "00" / KEYS[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["verify", "--data", str(store.path)]) == 1
    assert KEYS[0] in capsys.readouterr().out
    command = [
        sys.executable,
        "-m",
        "core.compute.store",
        "prune",
        "--data",
        str(store.path),
        "--max-mb",
        "0",
    ]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "0.0 MB left" in answer.stdout and "Warning" not in answer.stderr and not store.has_result(KEYS[1])
    with pytest.raises(SystemExit):
        main(["verify", "--data", str(store.path / "nowhere")])


# --- specifications -----------------------------------------------------------------------------------------


def test_a_key_depends_on_kind_parameters_and_environment_and_on_nothing_else():
    spec = JobSpec("count", {"a": 1, "b": [1.5, "é"]})
    same = JobSpec("count", {"b": (1.5, "é"), "a": 1})
    assert spec == same and hash(spec) == hash(same) and spec.key({"m": 1}) == same.key({"m": 1})
    others = [
        JobSpec("count2", spec.params),
        JobSpec("count", {"a": 1}),
        JobSpec("count", {"a": 1, "b": ["1.5", "é"]}),
    ]
    assert len({s.key({"m": 1}) for s in [spec, *others]} | {spec.key({"m": 2})}) == 5


def test_a_specification_cannot_be_changed_afterwards():
    params = {"scales": [1, 2]}
    spec = JobSpec("count", params)
    key = spec.key({})
    params["scales"].append(3)
    assert spec.params["scales"] == [1, 2] and spec.key({}) == key
    with pytest.raises(TypeError):
        spec.params["scales"] = []


@pytest.mark.parametrize(
    "params", [{"x": float("nan")}, {"x": float("inf")}, {1: "a"}, {"x": {2: 1}}, {"x": np.float32(1)}, {"x": b"b"},
               {"x": {1, 2}}, {"x": "a" * 40_000}, [1], None]
)  # fmt: skip
def test_parameters_that_are_not_json_or_too_long_are_refused(params):
    with pytest.raises(InvalidSpec):
        JobSpec("count", params)


@pytest.mark.parametrize("kind", ["", "Count", "../x", "a b", "x" * 65, None])
def test_a_kind_is_a_short_name(kind):
    with pytest.raises(InvalidSpec):
        JobSpec(kind, {})


def test_endless_nesting_is_refused():
    nested: list = []
    nested.append(nested)
    with pytest.raises(InvalidSpec, match="nested"):
        JobSpec("count", {"x": nested})


# --- messages -----------------------------------------------------------------------------------------------


def test_events_survive_the_wire():
    arrays = {"a": np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::2], "empty": np.zeros((0, 3), np.uint8),
              "scalar": np.array(7, np.uint8)}  # fmt: skip
    stream = io.BytesIO()
    for event in (Frame(1, 9, arrays), Metric(3, 4, {"loss": 0.25, "nan": float("nan")})):
        write_message(stream, *pack_event(event))
    stream.seek(0)
    frame, metric = (unpack_event(*read_message(stream)) for _ in range(2))
    assert (
        (frame.index, frame.total) == (1, 9)
        and metric.values["loss"] == 0.25
        and np.isnan(metric.values["nan"])
    )
    for name, array in arrays.items():
        assert np.array_equal(frame.arrays[name], array) and frame.arrays[name].shape == array.shape
    assert read_message(stream) is None


def test_a_message_cut_short_is_the_end_and_nonsense_is_garbled():
    stream = io.BytesIO()
    write_message(stream, *pack_event(Frame(0, 1, {"x": np.zeros(10, np.uint8)})))
    data = stream.getvalue()
    assert all(read_message(io.BytesIO(data[:end])) is None for end in range(len(data)))
    with pytest.raises(Garbled):
        read_message(io.BytesIO(b"Traceback (most recent call last)"))
    with pytest.raises(Garbled):
        unpack_event({"event": "JobSpec", "fields": {}}, {})


def test_frames_are_pictures():
    with pytest.raises(TypeError, match="uint8"):
        Frame(0, 1, {"x": np.zeros(3)})


def test_temporary_files_of_a_crash_are_swept_up(store, caplog):
    caplog.set_level(logging.INFO)
    old, young = store.path / "results" / ".x.1.tmp", store.path / "results" / ".y.1.tmp"
    old.parent.mkdir()
    old.write_bytes(b""), young.write_bytes(b"")
    os.utime(old, (0, 0))
    store.prune(10**9)
    assert not old.exists() and young.exists()


def test_the_newest_checkpoint_is_known_without_reading_it(tmp_path):
    store = Store(tmp_path)
    assert store.checkpoint_step(KEYS[0]) is None
    for step in (90, 100, 1000):
        store.put_checkpoint(KEYS[0], Checkpoint(step, f"step-{step}", {"x": np.zeros(1)}))
    assert store.checkpoint_step(KEYS[0]) == 1000 == store.get_checkpoint(KEYS[0]).step
    store.drop_checkpoints(KEYS[0])
    assert store.checkpoint_step(KEYS[0]) is None


def test_the_runs_of_a_kind_are_listed_newest_first(tmp_path):
    table = Store(tmp_path).runs
    for number, kind in enumerate(["train", "flow", "train", "train"]):
        run = Run(f"{number:064x}", JobSpec(kind, {"n": number}), {"ada"}, submitted_at=float(number))
        table.save(run.record())
    assert [record.spec.params["n"] for record in table.of_kind("train")] == [3, 2, 0]
    assert [record.spec.params["n"] for record in table.of_kind("train", limit=1)] == [3]
    assert table.of_kind("nothing") == []


def test_verify_reads_files_and_rows_and_says_what_was_damaged(store, capsys):
    (
        store.put_result(KEYS[0], picture(1)),
        store.put_checkpoint(KEYS[1], Checkpoint(7, "seven", {"w": np.ones(3)})),
    )
    blob = store.blobs.put(b"abc")
    for key in KEYS[:3]:
        store.runs.save(row(key, "done"))
    assert main(["verify", "--data", str(store.path)]) == 0
    said = capsys.readouterr().out
    assert "1 results" in said and "1 checkpoints" in said and "1 blobs" in said and "3 rows" in said
    for path in [store.path / "checkpoints" / KEYS[1] / f"{7:012d}", store.path / "blobs" / blob[:2] / blob]:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with sqlite3.connect(store.path / "runs.sqlite3") as table:
        table.execute("UPDATE runs SET owners = '[\"eve\"]' WHERE key = ?", [KEYS[2]])
    assert main(["verify", "--data", str(store.path)]) == 1
    said = capsys.readouterr().out
    assert (
        "3 damaged" in said and f"checkpoints/{KEYS[1]}/{7:012d}" in said and blob in said and KEYS[2] in said
    )
    assert main(["verify", "--data", str(store.path)]) == 0  # set aside
    assert store.runs.get(KEYS[2]) is None and store.runs.get(KEYS[1]) is not None


def test_prune_begins_with_what_is_damaged_and_says_what_it_must_leave(store, capsys):
    for key in KEYS[:3]:
        store.put_result(key, picture(1))
    size = (store.path / "results" / "00" / KEYS[0]).stat().st_size
    (store.path / "results" / "00" / KEYS[0]).write_bytes(bytes(size))
    assert store.get_result(KEYS[0]) is None
    assert store.prune(2 * size) == size and store.has_result(KEYS[1]) and store.has_result(KEYS[2])
    assert not list(store.path.rglob("*.damaged"))
    store.runs.save(row(KEYS[1], "running"))
    assert main(["prune", "--data", str(store.path), "--max-mb", "0"]) == 0
    assert "jobs that wait or run" in capsys.readouterr().out and store.has_result(KEYS[1])


def test_prune_spares_what_is_used_while_it_works(store, monkeypatch):
    for key in KEYS[:2]:
        store.put_result(key, picture(1))
    real = store.in_use

    def looked_at_meanwhile():
        used = real()
        os.utime(store.path / "results" / "00" / KEYS[0], (5e9, 5e9))
        return used

    monkeypatch.setattr(store, "in_use", looked_at_meanwhile)
    store.prune(0)
    assert store.has_result(KEYS[0]) and not store.has_result(KEYS[1])


def test_the_command_line_answers_a_store_that_it_cannot_open_with_a_sentence(tmp_path, capsys):
    (tmp_path / "runs.sqlite3").mkdir()
    assert main(["verify", "--data", str(tmp_path)]) == 2
    assert "could not be worked on" in capsys.readouterr().err


def test_the_precision_of_the_pretrained_network_is_in_the_keys_of_its_own_jobs():
    """A training of Part B is found again after DIFFUSION_DTYPE has changed; a picture by the network is another."""
    with_model, without = JobSpec("denoise", {"model": "0" * 16}), JobSpec("train", {"width": 64})
    single, half = ({"device": "cuda", "dtype": dtype} for dtype in ("float32", "float16"))
    assert with_model.key(single) != with_model.key(half)
    assert without.key(single) == without.key(half)
