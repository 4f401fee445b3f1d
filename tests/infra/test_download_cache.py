"""The cache of slow downloads: made once for every clone, made anew when its origin changes, never half there."""

from pathlib import Path

import pytest

from infra.native.cache import cache_folder, cached


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _fails(target: Path) -> None:
    target.write_text("half")
    raise ConnectionError("the network went away")


def test_a_second_clone_finds_what_the_first_made():
    first = cached("jars", made_from="4.1.1", make=lambda target: target.write_text("jars"))
    second = cached("jars", made_from="4.1.1", make=_fails)

    assert first == second
    assert second.read_text() == "jars"


def test_another_version_is_made_anew():
    old = cached("jars", made_from="4.1.1", make=lambda target: target.write_text("old"))
    new = cached("jars", made_from="4.2.0", make=lambda target: target.write_text("new"))

    assert (old.read_text(), new.read_text()) == ("old", "new")


def test_an_interrupted_download_leaves_nothing_that_looks_finished():
    with pytest.raises(ConnectionError):
        cached("jars", made_from="4.1.1", make=_fails)

    assert list(cache_folder().iterdir()) == []
