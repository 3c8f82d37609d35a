"""Models on the Hugging Face Hub: a repository with a checkpoint, how it decodes, and every file that this takes.

REPOSITORY/
  README.md                                       the model card
  model.pt                                        the checkpoint
  model.decoding.json, model.tagger, model.hmm    what lies beside it (`asr.companions`), where there is such a file
  *.lm, *.rnn, *.phones ...                       what model.decoding.json names

`hf:owner/name` or `hf:owner/name@revision` names one wherever a model is named. What was fetched is kept in huggingface_hub's own
cache. Nothing in a repository is run: a checkpoint holds plain tensors and values.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asr.companions import Companion
from asr.decoding.options import copy_options
from asr.errors import CheckpointError, UsageError
from asr.extras import install_command
from asr.model.checkpoint import load_checkpoint
from asr.model.hub_reference import Reference, parse_reference

NAME = "model"
CARD = "README.md"


def pull_model(source: str, folder: Path | None = None) -> Path:
    """Fetch a repository's files, those that are not there yet.

    Args:
        source: `hf:owner/name@revision`.
        folder: where they shall lie; None leaves them in huggingface_hub's cache.

    Returns:
        The checkpoint.

    Raises:
        UsageError: no such reference, or huggingface_hub is not installed.
        CheckpointError: no such repository or revision, no access, no network, or no model in it.
    """
    reference = parse_reference(source)
    with _explained(reference):
        from huggingface_hub import snapshot_download

        place = snapshot_download(
            reference.repository,
            revision=reference.revision,
            local_dir=folder,
            ignore_patterns=["*.md.*", ".git*"],
        )
    for name in (f"{NAME}.pt", f"{NAME}.onnx"):
        if (Path(place) / name).is_file():
            return Path(place) / name
    raise CheckpointError(
        f"{reference}: no {NAME}.pt in this repository; expected what `asr model push` writes"
    )


def push_model(
    checkpoint: Path, target: str, *, card: str | None = None, private: bool = False, message: str = ""
) -> str:
    """Write a model and all that lies beside it to a repository, which is made where there is none.

    Args:
        checkpoint: the model's file.
        target: `hf:owner/name@branch`.
        card: the model card; None writes one that says what the checkpoint knows of itself.
        private: of a new repository.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        UsageError: no such reference, huggingface_hub is not installed, or two files of one name.
        CheckpointError: no model; no account or access; no network.
        DecodingError: what lies beside the model is not readable.
    """
    reference = parse_reference(target)
    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        stage(checkpoint, Path(folder), reference=reference, card=card)
        with _explained(reference):
            from huggingface_hub import HfApi

            api = HfApi(library_name="ctc-asr")
            api.create_repo(reference.repository, private=private, exist_ok=True)
            if reference.revision is not None:
                api.create_branch(reference.repository, branch=reference.revision, exist_ok=True)
            commit = api.upload_folder(
                repo_id=reference.repository,
                folder_path=folder,
                revision=reference.revision,
                commit_message=message or f"Model {checkpoint.stem}",
            )
    return str(commit.commit_url)


def stage(checkpoint: Path, folder: Path, *, reference: Reference, card: str | None = None) -> None:
    """Copy a model and all that belongs to it into an empty folder, under the names that a repository has. Raises as `push_model`."""
    about = card if card is not None else _card(checkpoint, reference)
    target = folder / (NAME + checkpoint.suffix)
    taken: dict[str, Path] = {}

    def take(source: Path, name: str) -> Path:
        source = source.resolve()
        if taken.setdefault(name, source) != source:
            raise UsageError(f"{source} and {taken[name]} have the same name; rename one of them")
        if not source.is_file():
            raise CheckpointError(
                f"{source}: is not there, and {Companion.DECODING.path(checkpoint)} names it"
            )
        shutil.copyfile(source, folder / name)
        return folder / name

    take(checkpoint, target.name)
    for companion in Companion:
        path, copy = companion.find(checkpoint), companion.path(target)
        if path is not None and companion is Companion.DECODING:
            copy_options(path, copy, place=lambda file: take(Path(file), Path(file).name))
        elif path is not None:
            take(path, copy.name)
    (folder / CARD).write_text(about, encoding="utf-8")


def _card(checkpoint: Path, reference: Reference) -> str:
    """What is known of a model, and how it is used."""
    head = "---\nlibrary_name: ctc-asr\npipeline_tag: automatic-speech-recognition\n---\n\n"
    use = f"```console\n$ asr transcribe speech.wav --model {reference}\n```\n"
    if checkpoint.suffix != ".pt":
        return f"{head}# {reference.repository}\n\n{use}"
    found = load_checkpoint(checkpoint)
    rows = {
        "parameters": f"{sum(parameter.numel() for parameter in found.model.parameters()):,}",
        "tokens": len(found.tokenizer),
        "sample rate": f"{found.model.sample_rate} Hz",
        **found.notes,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if not isinstance(value, dict))
    return f"{head}# {reference.repository}\n\n{use}\n| | |\n|---|---|\n{table}\n"


@contextmanager
def _explained(reference: Reference) -> Iterator[None]:
    """Turn what huggingface_hub raises into errors that say what to do."""
    try:
        import huggingface_hub.errors as known
    except ImportError:
        raise UsageError(
            f"{reference}: huggingface_hub is not installed; `{install_command('hub')}`"
        ) from None
    try:
        yield
    except known.GatedRepoError:
        raise CheckpointError(
            f"{reference}: its owner wants to be asked; do so at its page, then `hf auth login`"
        ) from None
    except known.RepositoryNotFoundError:
        raise CheckpointError(
            f"{reference}: no such repository, or a private one; see to its name, or log in: `hf auth login`"
        ) from None
    except known.RevisionNotFoundError:
        raise CheckpointError(f"{reference}: the repository has no such revision") from None
    except known.HFValidationError as error:
        raise UsageError(f"{reference}: {' '.join(str(error).split())}") from None
    except known.LocalTokenNotFoundError:
        raise CheckpointError(f"{reference}: needs an account; `hf auth login`, or set HF_TOKEN") from None
    except (known.LocalEntryNotFoundError, known.RevisionResolutionError):
        raise CheckpointError(
            f"{reference}: cannot be reached, and is not in the cache; see to the network, HF_ENDPOINT and HF_HUB_OFFLINE"
        ) from None
    except known.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        what = (
            "write access; `hf auth login` with a token that has it"
            if status in (401, 403)
            else "a try later"
        )
        raise CheckpointError(
            f"{reference}: the Hub refused with status {status}: {' '.join(str(error).split())[:200]}; needs {what}"
        ) from None
    except OSError as error:  # no disk, no network
        raise CheckpointError(f"{reference}: {error}; see to the network, or free space") from None
    except Exception as error:
        # huggingface_hub speaks HTTP by httpx, or by a later one of another name.
        if not type(error).__module__.startswith("httpx"):
            raise
        raise CheckpointError(f"{reference}: cannot be reached ({error}); see to the network") from None
