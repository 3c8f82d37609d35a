"""The architecture, held by tests: imports go down only, and quick commands stay light."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the ground up; a module may import what stands on its own floor or below.
FLOORS = [
    (
        "asr.errors",
        "asr.files",
        "asr.options",
        "asr.plain_values",
        "asr.processors",
        "asr.allocator",
        "asr.extras",
        "asr.cache",
        "asr.companions",
        "asr.mapped_arrays",
        "asr.small_models",
        "asr.lstm_step",
    ),
    ("asr.data.audio", "asr.data.text", "asr.data.manifest", "asr.data.tokenizer"),
    ("asr.data", "asr.language_model", "asr.evaluation", "asr.writing"),
    ("asr.decoding",),
    ("asr.model",),
    (
        "asr.transcription.emitter",
        "asr.transcription.recordings",
        "asr.transcription.transcript",
        "asr.transcription.windows",
    ),
    ("asr.alignment",),
    ("asr.transcription", "asr.config", "asr.inspection"),
    ("asr.training", "asr.serving", "asr.export"),
    ("asr.cli",),
    ("asr.__main__",),
]

# Rooms that share a floor and must not know each other.
STRANGERS = [
    ("asr.decoding", "asr.evaluation"),
    ("asr.evaluation", "asr.decoding"),
    ("asr.data", "asr.decoding"),
    ("asr.data", "asr.evaluation"),
    ("asr.data", "asr.language_model"),
    ("asr.evaluation", "asr.language_model"),
    ("asr.language_model", "asr.evaluation"),
    ("asr.language_model", "asr.data.audio"),
    ("asr.decoding", "asr.data.audio"),
    ("asr.evaluation", "asr.data.audio"),
]

HEAVY = {"lightning", "pytorch_lightning", "librosa", "fastapi", "uvicorn", "tensorboard", "matplotlib"}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "asr").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports, anywhere in it but under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.split(".")[0] == "asr" and name in modules()}


def inside(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def floor(module: str) -> int:
    matches = [
        (len(room), level) for level, rooms in enumerate(FLOORS) for room in rooms if inside(module, room)
    ]
    assert matches, f"{module} has no floor"
    return max(matches)[1]


@pytest.mark.parametrize("module", [name for name in modules() if name != "asr"])
def test_imports_go_down_only(module: str) -> None:
    for imported in imports(modules()[module]) - {"asr"}:
        assert floor(imported) <= floor(module), f"{module} imports {imported}, which stands above it"
        for room, stranger in STRANGERS:
            assert not (inside(module, room) and inside(imported, stranger)), (
                f"{module} must not know {imported}"
            )


def test_there_is_no_circle() -> None:
    graph = {module: imports(path) - {"asr", module} for module, path in modules().items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for imported in graph[module]:
                # A package and the modules in it are one room.
                if not inside(module, imported):
                    visit(imported, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_only_training_imports_lightning() -> None:
    for module, path in modules().items():
        if not inside(module, "asr.training"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(name.split(".")[0] == "lightning" for name in names), module


def test_only_the_command_line_prints() -> None:
    for module, path in modules().items():
        if not inside(module, "asr.cli"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
                assert called != "print", f"{module}:{getattr(node, 'lineno', 0)}"


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after running `code`."""
    script = f"import sys\n{code}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import asr") & (HEAVY | {"torch"})


def test_transcribe_help_loads_nothing_heavy() -> None:
    code = "import runpy\nsys.argv = ['asr', 'transcribe', '--help']\ntry: runpy.run_module('asr', run_name='__main__')\nexcept SystemExit: pass"
    assert not loaded_by(code) & (HEAVY | {"torch"})


def test_loading_a_model_does_not_load_training_libraries() -> None:
    assert not loaded_by("import asr\nasr.load") & (HEAVY | {"torch"})


def test_public_names_are_at_most_ten_and_all_exist() -> None:
    import asr

    assert len(asr.__all__) <= 10
    for name in asr.__all__:
        assert getattr(asr, name) is not None
