"""What a labelling that was interrupted has recognised already."""

import json
from pathlib import Path

from asr.files import write_atomically
from asr.transcription.labelling import Labelled


class LabelJournal:
    """A file with a line of who recognises, and a line an utterance; a context manager.

    What another recogniser left there is forgotten, and so is a line that a kill has cut short.

    Args:
        path: the file.
        identity: of the recogniser.

    Attributes:
        done: what is recognised, by kind and id.

    Raises:
        AsrError: the file cannot be written.
    """

    def __init__(self, path: Path, identity: str) -> None:
        first = json.dumps(identity)
        whole = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        kept = whole if whole[:1] == [first] else [first]
        with write_atomically(path) as file:
            file.writelines(line + "\n" for line in kept)
        records = (json.loads(line) for line in kept[1:])
        self.done = {(kind, values[0]): Labelled(*values) for kind, *values in records}
        self._file = path.open("a", encoding="utf-8")

    def add(self, kind: str, labelled: Labelled) -> None:
        """Keep it, on the disk as well."""
        self.done[kind, labelled.id] = labelled
        self._file.write(json.dumps([kind, *labelled]) + "\n")
        self._file.flush()

    def __enter__(self) -> "LabelJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
