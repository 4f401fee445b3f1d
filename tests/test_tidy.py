"""What linters cannot see. Each rule's docstring says why it is one."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PACKAGES = ("domain", "invoicing", "connectors", "streams", "cli", "dags", "infra")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:root|home/\w+|work)/[\w.]+")
# Spelt in parts, so that this file does not hold them itself.
HOSTS = re.compile(
    "|".join(["py" + "pi\\.org", "python" + "hosted", "npm" + "js\\.", "maven\\." + "org", "deb\\." + "debian"])
)
UNFINISHED = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error"]) + r")\b"
)
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sql", ".sh", ".json", ".txt", ".lock", ".in", ".conf", ".xml", ".env", ""}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in (ROOT / name for name in listed.stdout.splitlines()) if path.is_file()]


def python_files(*folders: str) -> list[Path]:
    return [
        path for path in tracked() if path.suffix == ".py" and (not folders or path.relative_to(ROOT).parts[0] in folders)
    ]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_stay_short() -> None:
    """A file over 400 lines has more than one purpose."""
    assert [name_of(path) for path in python_files() if path.read_text().count("\n") > LINES_MAX] == []


def test_functions_fit_on_a_screen() -> None:
    """A function that does not fit on a screen is not read as a whole."""
    too_long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in python_files(*PACKAGES)
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert too_long == []


def test_every_module_says_what_it_is() -> None:
    """The first line of a module is its entry in the index a newcomer reads."""
    silent = [
        name_of(path)
        for path in python_files()
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


@pytest.mark.parametrize("path", python_files("domain", "invoicing"), ids=name_of)
def test_no_float_where_money_is_decided(path: Path) -> None:
    """A binary fraction cannot hold a paisa (DESIGN §3.10); no linter knows where money is."""
    floats = [
        f"{name_of(path)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    assert floats == []


def test_no_dag_file_hides_a_package() -> None:
    """Airflow puts the DAG folder on sys.path, so dags/domain.py would become `import domain`."""
    assert {path.stem for path in python_files("dags")} & set(PACKAGES) == set()


def test_names_that_say_nothing_are_not_used() -> None:
    """A module called utils has no purpose anybody could check it against."""
    nothing = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
    assert [
        name_of(path) for path in python_files() if nothing & {part.removesuffix(".py") for part in path.parts[-2:]}
    ] == []


def test_every_top_folder_says_what_it_owns() -> None:
    """A newcomer opens the folder before the file."""
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if len(path.relative_to(ROOT).parts) > 1}
    assert sorted(name for name in folders if not name.startswith(".") and not (ROOT / name / "README.md").exists()) == []


def test_every_path_a_page_names_exists() -> None:
    """A page that points nowhere was not read when its subject moved."""
    pattern = re.compile(rf"`((?:{'|'.join(PACKAGES)}|sql|docs|tests)/[\w./*-]+)`")
    missing = [
        f"{name_of(page)}: {found}"
        for page in tracked()
        if page.suffix == ".md"
        for found in pattern.findall(page.read_text())
        if not list(ROOT.glob(found.rstrip("/")))
    ]
    assert missing == []


def test_nothing_names_this_machine_a_registry_or_unfinished_work() -> None:
    """What is true of one machine only, or of no version yet, does not belong into the history of all."""
    found = []
    for path in tracked():
        if path.suffix not in TEXT or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line) or HOSTS.search(line) or (path.suffix != ".lock" and UNFINISHED.search(line)):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_settings_and_their_example_list_the_same_names() -> None:
    """A setting nobody can find is a default nobody chose."""
    from connectors.settings import Settings

    example = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {name.upper() for name in Settings.model_fields} - example == set()
