"""Free memory is what the machine, the container and ulimit leave, whichever leaves least."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.engine.free_memory import left_by_cgroups

GB = 10**9
V2 = {"memory.current": GB, "memory.stat": f"anon 5\nactive_file {GB // 2}\ninactive_file 100"}
V1 = {
    "memory.usage_in_bytes": GB,
    "memory.stat": f"inactive_file 7\ntotal_active_file {GB // 2}\ntotal_inactive_file 100",
}
USED = GB - GB // 2 - 100  # of both, without cached files


def group(folder: Path, files: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")


def left(tmp_path: Path, own: str) -> list[int]:
    (tmp_path / "own").write_text(own)
    return sorted(left_by_cgroups(tmp_path / "tree", tmp_path / "own"))


def test_of_version_2_every_group_around_this_process_counts(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    group(tree, {"cgroup.procs": 1})  # the machine's own has no limit
    group(tree / "pod", {**V2, "memory.max": 3 * GB, "memory.high": "max"})
    group(tree / "pod" / "one", {**V2, "memory.max": "max", "memory.high": 2 * GB})
    group(tree / "pod" / "two", {**V2, "memory.max": 1, "memory.high": 1})
    assert left(tmp_path, "0::/pod/one\n") == [2 * GB - USED, 3 * GB - USED]


@pytest.mark.parametrize("own", ["4:cpu,memory:/host/abc\n0::/\n", "2:memory:/\n"])
def test_of_version_1_the_mount_itself_counts_where_the_path_is_the_hosts(
    tmp_path: Path, own: str
) -> None:
    group(tmp_path / "tree" / "memory", {**V1, "memory.limit_in_bytes": 2 * GB})
    group(tmp_path / "tree" / "unified", {"cgroup.procs": 1})
    assert left(tmp_path, own) == [2 * GB - USED]


def test_without_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert left(tmp_path, "3:cpu:/\n0::/\n") == []
    assert list(left_by_cgroups(tmp_path, tmp_path / "no such file")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v is enforced on Linux alone")
def test_what_ulimit_does_not_leave_is_refused_before_llama_cpp_fails(
    small_path: Path, tmp_path: Path
) -> None:
    limited = (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (600_000_000,) * 2)\n"
        "from pfsolve.cli import main\nmain()"
    )
    result = subprocess.run(
        [sys.executable, "-c", limited, "2+2", "--policy", str(small_path), "-n", "8"],
        env={**os.environ, "PFSOLVE_CONFIG_DIR": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "8 particles of 2048 tokens needs" in result.stderr
    assert "use a smaller model" in result.stderr
