"""The file .env: made once with fresh secrets, and never taken away from the person who edited it."""

import shutil
import stat
from pathlib import Path

import pytest

from infra.native.stack import GENERATED_SECRETS, ROOT, StackError, load_stack, write_env_file


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / "infra/native").mkdir(parents=True)
    shutil.copy(ROOT / "infra/native/test.env", tmp_path / "infra/native")
    return tmp_path


def test_the_first_start_makes_env_with_every_name_of_the_example_and_its_secrets_filled_in(project: Path):
    settings = write_env_file(project)

    assert all(settings[name] for name in GENERATED_SECRETS)
    assert settings["KAFKA_PORT"] == "19092"
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_two_clones_have_different_secrets(project: Path):
    first = write_env_file(project)
    (project / ".env").unlink()
    second = write_env_file(project)

    assert all(first[name] != second[name] for name in GENERATED_SECRETS)


def test_a_second_start_leaves_env_as_it_is(project: Path):
    write_env_file(project)
    edited = (project / ".env").read_text().replace("KAFKA_PORT=19092", "KAFKA_PORT=29092")
    (project / ".env").write_text(edited)

    assert write_env_file(project)["KAFKA_PORT"] == "29092"
    assert (project / ".env").read_text() == edited


def test_a_name_that_an_older_env_lacks_is_added_and_named(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / ".env").write_text("POSTGRES_PASSWORD=kept\n")

    settings = write_env_file(project)

    said = capsys.readouterr().out
    assert settings["POSTGRES_PASSWORD"] == "kept"
    assert settings["AIRFLOW_FERNET_KEY"]
    assert "AIRFLOW_FERNET_KEY" in said
    assert "POSTGRES_PASSWORD" not in said


def test_an_emptied_secret_gets_a_sentence_that_names_it(project: Path):
    write_env_file(project)
    with (project / ".env").open("a") as file:
        file.write("POSTGRES_PASSWORD=\n")

    with pytest.raises(StackError, match=r"POSTGRES_PASSWORD is empty in \.env"):
        write_env_file(project)


def test_the_shell_overrides_env_and_the_test_instance_overrides_both(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POSTGRES_DB", "from_the_shell")

    assert load_stack(root=project).settings["POSTGRES_DB"] == "from_the_shell"
    assert load_stack("test", root=project).settings["POSTGRES_DB"] == "billing_test"


def test_a_start_can_change_settings_of_an_instance_and_an_unknown_one_gets_a_sentence(project: Path):
    stack = load_stack("test", root=project, changed={"POSTGRES_DB": "billing_test_2"})

    assert stack.settings["POSTGRES_DB"] == "billing_test_2"
    with pytest.raises(StackError, match="no setting POSTGRES_DATABASE"):
        load_stack("test", root=project, changed={"POSTGRES_DATABASE": "billing_test_2"})


def test_the_test_instance_keeps_its_files_apart(project: Path):
    assert load_stack(root=project).local == project / ".local"
    assert load_stack("test", root=project).local == project / ".local/test"


def test_an_unknown_instance_gets_a_sentence(project: Path):
    with pytest.raises(StackError, match="no instance 'staging'"):
        load_stack("staging", root=project)
