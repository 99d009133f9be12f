"""What the code may not do: run data as code, leave the database, reach for the network."""

from __future__ import annotations

import ast
import csv
import importlib
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from meta.evidence.database import connect
from meta.evidence.ingest import ingest
from meta.provenance import PACKAGE
from tests.evidence.small_base import STUDY, arm, checked, write
from tests.offline import without_network
from tests.workflow.conftest import MINI

SOURCES = sorted(PACKAGE.rglob("*.py"))
#: Modules that turn bytes into code or objects, or talk to other machines.
BARRED = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "socket",
    "ssl", "http", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib",
    "xmlrpc", "webbrowser", "multiprocessing", "urllib.request",
    "concurrent.futures.ProcessPoolExecutor",
}  # fmt: skip
BARRED_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "read_pickle", "to_pickle",
    "query", "urlopen", "urlretrieve", "literal_load",
}  # fmt: skip
#: Calls that are barred elsewhere, and why they are none of it here.
ALLOWED = {
    ("evidence/database.py", "duckdb.connect"): "the one place that opens databases, closed",
    ("provenance.py", "subprocess.run"): "asks git for the commit; the words are constants",
}
#: Imports that are barred elsewhere.
ALLOWED_IMPORTS = {
    ("checks/coverage_record.py", "concurrent.futures.ProcessPoolExecutor"):
        "settings go to processes of its own and nothing comes from a file",
    ("checks/coverage_record.py", "multiprocessing.get_context"): "the same pool",
}  # fmt: skip


def name_of(node: ast.expr) -> str:
    """Dotted name of what is called, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def faults(tree: ast.AST, file: str) -> list[str]:
    """Where a piece of source does what it may not."""
    found = [name for name in imported(tree) if (file, name) not in ALLOWED_IMPORTS]
    found = [name for name in found if {*prefixes(name)} & BARRED]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += call_faults(node, file)
    return found


def imported(tree: ast.AST) -> list[str]:
    """Dotted names of all that is imported."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{a.name}" for a in node.names]
    return names


def prefixes(name: str) -> list[str]:
    """A dotted name and the modules that it is in."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def call_faults(node: ast.Call, file: str) -> list[str]:
    name = name_of(node.func)
    last = name.rsplit(".", 1)[-1]
    if (file, name) in ALLOWED:
        return []
    if name in BARRED_CALLS - {"query", "compile"} or last in ("read_pickle", "to_pickle"):
        return [name]
    # re.compile compiles no code; a frame's query and eval run a string.
    if name == "compile" or (last in ("query", "eval") and isinstance(node.func, ast.Attribute)):
        return [name]
    if name in ("duckdb.connect", "duckdb.sql", "duckdb.query", "duckdb.execute"):
        return [name]
    if name.startswith("subprocess."):
        return [name]
    words = {word.arg: word.value for word in node.keywords}
    for word in ("shell", "allow_pickle"):
        if word in words and not (
            isinstance(words[word], ast.Constant) and words[word].value is False
        ):
            return [f"{name}({word}=...)"]
    if name.startswith("yaml.") and last in ("load", "load_all", "compose", "compose_all", "parse"):
        return [] if safe_loader(node, words, file) else [name]
    unsafe = name.startswith("yaml.") and last in ("unsafe_load", "full_load", "full_load_all")
    return [name] if unsafe else []


def safe_loader(node: ast.Call, words: dict[str | None, ast.expr], file: str) -> bool:
    """Whether the loader handed in, a class by its name, is a safe one."""
    given = words.get("Loader", node.args[1] if len(node.args) > 1 else None)
    if given is None:
        return False
    module = importlib.import_module("meta." + file.removesuffix(".py").replace("/", "."))
    loader: object = module
    for part in name_of(given).split("."):
        loader = getattr(loader, part, None)
    # libyaml's safe loader shares its constructor with yaml.SafeLoader; the full one extends it.
    return (
        isinstance(loader, type)
        and issubclass(loader, yaml.constructor.SafeConstructor)
        and not issubclass(loader, yaml.constructor.FullConstructor)
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_source_runs_data_or_talks(path: Path) -> None:
    file = path.relative_to(PACKAGE).as_posix()
    assert faults(ast.parse(path.read_text(encoding="utf-8")), file) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load", "import urllib.request",
        "from urllib import request", "import multiprocessing as mp",
        "from concurrent.futures import ProcessPoolExecutor",
        "from multiprocessing import shared_memory", "from socket import create_connection",
        "eval('1')", "exec(text)", "compile(text, '', 'exec')", "pd.read_pickle(path)",
        "frame.query(text)",
        "frame.eval(text)", "yaml.load(text)", "yaml.load(text, yaml.Loader)",
        "yaml.load(text, Loader=yaml.UnsafeLoader)", "yaml.full_load(text)",
        "yaml.load(text, yaml.CFullLoader)", "yaml.load(text, yaml.CUnsafeLoader)",
        "yaml.compose(text, Loader=yaml.FullLoader)", "np.load(path, allow_pickle=True)",
        "duckdb.connect(path)", "duckdb.sql(text)", "subprocess.run(text, shell=True)",
        "subprocess.Popen(words)", "os.system(text)", "__import__(name)",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_is_for(source: str) -> None:
    assert faults(ast.parse(source), "settings_file.py")


@pytest.mark.parametrize(
    "source",
    ["from urllib.parse import urlsplit", "from concurrent.futures import ThreadPoolExecutor",
     "re.compile(text)", "ast.literal_eval(text)", "yaml.safe_load(text)",
     "yaml.load(text, _UniqueKeys)", "np.load(path, allow_pickle=False)"],
)  # fmt: skip
def test_the_search_lets_the_harmless_be(source: str) -> None:
    assert faults(ast.parse(source), "settings_file.py") == []


def test_allowances_are_needed() -> None:
    for (file, name), _ in ALLOWED.items():
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        calls = [name_of(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)]
        assert name in calls, (file, name)
    for (file, name), _ in ALLOWED_IMPORTS.items():
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        assert name in imported(tree), (file, name)


ROOT = PACKAGE.parents[1]


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_every_library_is_pinned_by_hash(lock: Path) -> None:
    """Each line names one version and its hashes, and nothing is installed without them."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pinned = re.compile(r"[\w.-]+==[\w.!+-]+( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [x for x in lines if not x.startswith("#") and not pinned.fullmatch(x)] == []
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    named = re.compile(rf"\bpip3? (install|sync)\b.*\s{re.escape(lock.name)}(\s|;|$)")
    installs = [line for line in makefile.splitlines() if named.search(line)]
    assert installs
    assert all("--require-hashes" in line for line in installs)


@pytest.mark.parametrize("path", sorted((ROOT / "releases").rglob("*.csv")), ids=lambda p: p.name)
def test_no_cell_of_a_release_is_a_formula(path: Path) -> None:
    """What a spreadsheet would run begins with one of these signs and is no number."""
    with path.open(newline="", encoding="utf-8") as file:
        cells = {cell for row in csv.reader(file) for cell in row if cell[:1] in tuple("=@+-\t\r")}
    assert [cell for cell in cells if not re.match(r"[+-]([\d.]|\s|$|inf)", cell)] == []


def test_templates_escape_everything() -> None:
    """A mark of safety in a template would let text through; none is there, nor needed."""
    texts = {p: p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.j2")}
    assert texts
    for path, text in texts.items():
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", text), path


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY t TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_no_statement_leaves_the_database(tmp_path: Path, statement: str, read_only: bool) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with connect(tmp_path / "x.duckdb", read_only=False) as connection:
        connection.execute("CREATE TABLE t (a VARCHAR)")
    before = sorted(tmp_path.iterdir())
    text = statement.format(secret=secret, folder=tmp_path)
    with connect(tmp_path / "x.duckdb", read_only=read_only) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(text).fetchall()
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert sorted(tmp_path.iterdir()) == before


COMMAND = "from meta.cli import main\nmain(sys.argv[1:])\n"


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import subprocess; subprocess.run(['curl', 'http://127.0.0.1:9/'])",
    ],
)
def test_the_bar_holds(code: str) -> None:
    done = without_network(code)
    assert done.returncode != 0
    assert "RuntimeError: s" in done.stderr


@pytest.mark.parametrize("words", [["check"], ["settings"], ["dictionary", "--check"]])
def test_commands_ask_nothing_of_the_network(words: list[str]) -> None:
    root = MINI.parents[2]
    directory = root if words[0] == "dictionary" else MINI
    done = without_network(COMMAND, words[0], str(directory), *words[1:])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "C:\\evil"])
def test_an_identifier_like_a_path_is_refused(tmp_path: Path, name: str) -> None:
    evidence = checked(
        tmp_path, studies=[{**STUDY, "study_id": name}], arms=[arm(name, study_id=name)]
    )
    assert {p.column for p in evidence.errors} == {"study_id", "arm_id"}


def test_no_identifier_becomes_a_path(tmp_path: Path) -> None:
    """The same files are made whatever the rows are called."""
    made = []
    for folder, name in (("plain", "smith_2024"), ("odd", ".."), ("device", "NUL")):
        base = write(
            tmp_path / folder, studies=[{**STUDY, "study_id": name}],
            arms=[arm(name, study_id=name)],
        )  # fmt: skip
        out = base / "data/processed"
        ingest(
            base, out / "evidence.duckdb", out / "tables", out / "flow.json",
            out / "bibliography.parquet", out / "corrections.json", {},
        )  # fmt: skip
        made.append(sorted(p.relative_to(base).as_posix() for p in base.rglob("*")))
    assert made[0] == made[1] == made[2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["device", "odd", "plain"]
