"""The model that ships with the package, where the package was built with one.

Beside `english.pt` lie its language model (`english.lm`), a recurrent one (`english.rnn`), how their words are
said (`english.phones`), how phones sound (`english.hmm`), what decoding was found best with them (`english.decoding.json`), what puts marks and capitals
to its words (`english.tagger`), its network as a CPU runs it fastest (`english.cpu.onnx`) and its model card (`MODEL_CARD.md`).
"""

from pathlib import Path

from asr.companions import Companion
from asr.errors import CheckpointError
from asr.model.hub_reference import HUB

FOLDER = Path(__file__).resolve().parent
NAME = "english"


def default_model() -> Path | None:
    """The checkpoint that is used when none is named; None where this build has none."""
    path = FOLDER / f"{NAME}.pt"
    return path if path.is_file() else None


def find_model(source: str | Path) -> Path:
    """The checkpoint that is meant: a file, the folder of a run (its best model), `hf:owner/name` of the Hugging Face Hub (fetched
    where need be), or "english", the model that ships with the package.

    Raises:
        CheckpointError: nothing of that name, or it cannot be fetched.
        UsageError: `hf:` with something else after it than a repository.
    """
    if str(source).startswith(HUB):
        from asr.model.hub import pull_model

        return pull_model(str(source))
    path = Path(source)
    if path.is_dir():
        best = path / "checkpoints" / "best.pt"
        if not best.is_file():
            raise CheckpointError(
                f"{path}: is a folder without checkpoints/best.pt; expected a checkpoint or a run"
            )
        return best
    default = default_model()
    if str(source) == NAME and not path.exists() and default is not None:
        return default
    return path


def find_tagger(source: str | Path) -> Path:
    """The tagger that is meant: a file, or "english", the one that ships with the package."""
    own = Companion.TAGGER.path(FOLDER / f"{NAME}.pt")
    return own if str(source) == NAME and not Path(source).exists() and own.is_file() else Path(source)


def model_card(checkpoint: str | Path) -> str | None:
    """The model card of the model that ships with the package; None for any other checkpoint."""
    default, card = default_model(), FOLDER / "MODEL_CARD.md"
    if default is None or not card.is_file() or Path(checkpoint).resolve() != default:
        return None
    return card.read_text(encoding="utf-8")
