"""Run the notebooks of docs/notebooks and keep what they show: texts and pictures.

python scripts/run_notebooks.py                                  all of them, some seconds each
python scripts/run_notebooks.py docs/notebooks/ctc.ipynb         one

A notebook is written only where every cell ran through; of what came out only texts and PNG pictures stay, so that its
file changes with the notebook and not with who ran it. It needs nbclient and ipykernel (`pip install -e '.[dev]'`).
"""

import argparse
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from asr.files import write_atomically

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
SECONDS = 600  # a cell; the first use of the beam search compiles it


def main() -> None:
    """Run each, in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    for path in parser.parse_args().notebooks:
        began = time.monotonic()
        notebook = run(path)
        with write_atomically(path) as file:
            file.write(nbformat.writes(notebook) + "\n")
        print(f"{path.name}: {time.monotonic() - began:.0f} s", flush=True)


def run(path: Path) -> Any:
    """The notebook with fresh outputs. Raises nbclient.exceptions.CellExecutionError for a cell that fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    return tidy(client.execute())


def tidy(notebook: Any) -> Any:
    """The notebook without what differs from run to run; standard error and other forms of a picture are left out."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = _joined([kept for output in cell.outputs for kept in _kept(output)])
    return notebook


def _kept(output: Any) -> list[Any]:
    if output.output_type == "stream":
        return [output] if output.name == "stdout" else []
    picture = output.get("data", {}).get("image/png")
    return [nbformat.v4.new_output("display_data", data={"image/png": picture})] if picture else []


def _joined(outputs: list[Any]) -> list[Any]:
    """Texts that follow one another as one; how often a kernel sends what is printed is chance."""
    found: list[Any] = []
    for output in outputs:
        if found and output.output_type == found[-1].output_type == "stream":
            found[-1].text += output.text
        else:
            found.append(output)
    return found


if __name__ == "__main__":
    main()
