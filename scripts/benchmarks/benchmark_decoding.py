"""Speed, WER and exact scores of our beam search beside flashlight's and pyctcdecode's.

    python scripts/benchmarks/benchmark_decoding.py --model runs/an4/checkpoints/best.pt --manifest data/an4/dev.jsonl \\
        --text data/an4/train.jsonl --lm-weight 0.4 --word-bonus 2.5 --pyctcdecode .venv-pyctc/bin/python

All decode the same emissions with the same beam, n-gram models estimated from --text, and weights. Seconds
are of processor time on one thread. flashlight comes with `pip install flashlight-text`; pyctcdecode needs
numpy < 2, so an interpreter of its own, with `pip install pyctcdecode kenlm "numpy<2"`.

flashlight's lexicon ends every word in a space. So that all search the same space, every emission gets one
more frame, in which the space is certain.
"""

import argparse
import json
import math
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__" and sys.argv[1:2] == ["--pyctcdecode-worker"]:
    # Runs in the other interpreter, which has neither asr nor torch.
    import pyctcdecode  # type: ignore[import-not-found]

    with open(sys.argv[2], "rb") as _file:
        _job = pickle.load(_file)
    _decoder = pyctcdecode.build_ctcdecoder(
        _job["labels"], _job["lm"], _job["words"], alpha=_job["lm_weight"], beta=_job["word_bonus"]
    )
    _limits = {"beam_width": _job["beam"], "beam_prune_logp": -50.0, "token_min_logp": -50.0}
    _began = time.process_time()
    _texts = [_decoder.decode(_log_probs, **_limits) for _log_probs in _job["emissions"]]
    print(json.dumps({"seconds": time.process_time() - _began, "texts": _texts}))
    sys.exit(0)

import numpy as np

from asr.decoding.alphabet import Alphabet
from asr.decoding.greedy import greedy_path
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.options import DecodingOptions
from asr.decoding.prefix_beam import PrefixBeamSearch
from asr.decoding.prefix_scorer import Weights, build_prefix_scorer
from asr.decoding.pronunciation_lexicon import build_spelling_lexicon
from asr.decoding.search import Limits, Search
from asr.decoding.threads import in_threads
from asr.evaluation.scoring import score
from asr.language_model.arpa import write_arpa
from asr.language_model.counting import read_sentences
from asr.language_model.estimate import estimate
from asr.language_model.ngram import LN10, SPECIAL_WORDS, NgramModel


class Data(NamedTuple):
    """What is decoded: ids, references, emissions with the space appended, seconds of audio."""

    ids: list[str]
    references: list[str]
    emissions: list[np.ndarray]
    seconds: float


class Result(NamedTuple):
    """A decoder's texts and its processor seconds."""

    texts: list[str]
    seconds: float


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    tokenizer, data = _emissions(arguments)
    alphabet = Alphabet.of(tokenizer)
    print(f"{len(data.ids)} utterances, {data.seconds:.0f} s of audio, beam {arguments.beam}")
    _startup(alphabet, data)
    greedy = [tokenizer.decode(greedy_path(log_probs[:-1]).tokens) for log_probs in data.emissions]
    _report("greedy", data, Result(greedy, 0.0))
    with tempfile.TemporaryDirectory() as folder:
        words = estimate(_sentences(arguments), order=3)
        characters = estimate(_sentences(arguments, characters=True), order=6)
        write_arpa(f"{folder}/words.arpa", words)
        write_arpa(f"{folder}/characters.arpa", characters)
        weights = Weights(arguments.lm_weight, arguments.word_bonus)
        lexicon = [word for word in words.words[len(SPECIAL_WORDS) :] if alphabet.spell(word) is not None]
        limits = Limits(arguments.beam, -math.inf, 50.0, recombine=True)

        print("\nlexicon and word model")
        tree = build_spelling_lexicon(lexicon, alphabet)
        closed = LexiconBeamSearch(tree, build_lexicon_scorer(tree, lm=words, weights=weights), limits=limits)
        ours = _ours(closed, data)
        _report("asr", data, ours)
        theirs = _flashlight(alphabet, data, limits, f"{folder}/words.arpa", weights=weights, lexicon=lexicon)
        if theirs is not None:
            _report("flashlight", data, theirs)
            _compare(data, ours, theirs, _exact_score(alphabet, words, weights))
        _threads(closed, data)

        print("\nno lexicon, character model")
        weights = Weights(arguments.character_lm_weight, 0.0)
        search = PrefixBeamSearch(
            alphabet, build_prefix_scorer(alphabet, lm=characters, weights=weights), limits=limits
        )
        ours = _ours(search, data)
        _report("asr", data, ours)
        theirs = _flashlight(
            alphabet, data, limits, f"{folder}/characters.arpa", weights=weights, lexicon=None
        )
        if theirs is not None:
            _report("flashlight", data, theirs)
            _compare(data, ours, theirs, _exact_score(alphabet, characters, weights))

        print("\nno lexicon, word model")
        weights = Weights(arguments.lm_weight, arguments.word_bonus)
        scorer = build_prefix_scorer(alphabet, lm=words, weights=weights, look_ahead=True)
        _report("asr", data, _ours(PrefixBeamSearch(alphabet, scorer, limits=limits), data))
        fast = Limits(arguments.beam, -12.0, 20.0, recombine=True)
        _report("asr, default thresholds", data, _ours(PrefixBeamSearch(alphabet, scorer, limits=fast), data))
        if arguments.pyctcdecode:
            job = {
                "labels": list(alphabet.symbols),
                "lm": f"{folder}/words.arpa",
                "words": lexicon,
                "lm_weight": weights.lm,
                "word_bonus": weights.word_bonus,
                "beam": arguments.beam,
                "emissions": [log_probs[:-1] for log_probs in data.emissions],
            }
            _report("pyctcdecode", data, _pyctcdecode(arguments.pyctcdecode, job, folder))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, metavar="CKPT")
    parser.add_argument("--manifest", type=Path, required=True, help="utterances with transcripts")
    parser.add_argument("--utterances", type=int, metavar="N", help="only the first N")
    parser.add_argument(
        "--text", type=Path, required=True, help="what the language models are estimated from"
    )
    parser.add_argument("--sentences", type=int, metavar="N", help="only the first N of --text")
    parser.add_argument("--beam", type=int, default=50)
    parser.add_argument("--lm-weight", type=float, default=0.5)
    parser.add_argument("--word-bonus", type=float, default=1.0)
    parser.add_argument("--character-lm-weight", type=float, default=0.4)
    parser.add_argument("--pyctcdecode", metavar="PYTHON", help="an interpreter that has pyctcdecode")
    return parser.parse_args()


def _sentences(arguments: argparse.Namespace, *, characters: bool = False) -> Any:
    import itertools

    return itertools.islice(read_sentences(arguments.text, characters=characters), arguments.sentences)


def _emissions(arguments: argparse.Namespace) -> tuple[Any, Data]:
    import torch

    from asr.data.manifest import read_manifest
    from asr.transcription.loading import load

    torch.set_num_threads(1)
    transcriber = load(arguments.model, decoding=DecodingOptions(), device="cpu", precision="float32")
    alphabet = Alphabet.of(transcriber.tokenizer)
    certain = np.full((1, len(alphabet.symbols)), -1e4, np.float32)
    certain[0, alphabet.space] = 0.0
    data = Data([], [], [], 0.0)
    for utterance in read_manifest(arguments.manifest)[: arguments.utterances]:
        data.ids.append(utterance.id)
        data.references.append(transcriber.tokenizer.normalise(utterance.text or ""))
        data.emissions.append(np.concatenate([transcriber.emit_utterance(utterance).letters, certain]))
        data = data._replace(seconds=data.seconds + utterance.duration)
    return transcriber.tokenizer, data


def _startup(alphabet: Alphabet, data: Data) -> None:
    """Time of the first search in this process, and in a fresh one that finds the compiled code cached."""
    began = time.perf_counter()
    PrefixBeamSearch(alphabet).search(data.emissions[0])
    first = time.perf_counter() - began
    code = (
        "import time, numpy as np\nfrom asr.decoding.alphabet import Alphabet\n"
        "from asr.decoding.prefix_beam import PrefixBeamSearch\nsearch = PrefixBeamSearch(Alphabet(('', ' ', 'A')))\n"
        "began = time.perf_counter()\nsearch.search(np.log(np.full((9, 3), 1 / 3, np.float32)))\n"
        "print(time.perf_counter() - began)"
    )
    again = float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
    with tempfile.TemporaryDirectory() as empty:
        import os

        environment = {**os.environ, "NUMBA_CACHE_DIR": empty}
        compiled = float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
            ).stdout
        )
    print(
        f"first search: {compiled:.1f} s compiling, {again:.1f} s from the cache ({first:.1f} s in this process)"
    )


def _ours(search: Search, data: Data) -> Result:
    search.search(data.emissions[0])
    began = time.process_time()
    found = [search.search(log_probs)[0] for log_probs in data.emissions]
    seconds = time.process_time() - began
    return Result([search.text(candidate) for candidate in found], seconds)


def _threads(search: Search, data: Data) -> None:
    """Wall time on one and on two threads, the best of five."""
    emissions = data.emissions * max(1, round(600 / data.seconds))
    times = []
    for threads in (1, 2):
        runs = []
        for _ in range(5):
            began = time.perf_counter()
            in_threads(search.search, emissions, threads)
            runs.append(time.perf_counter() - began)
        times.append(min(runs))
    print(f"  two threads: {times[0] / times[1]:.2f} times one ({times[0]:.2f} s -> {times[1]:.2f} s)")


def _flashlight(
    alphabet: Alphabet,
    data: Data,
    limits: Limits,
    lm: str,
    *,
    weights: Weights,
    lexicon: Sequence[str] | None,
) -> Result | None:
    try:
        import torch
        from torchaudio.models.decoder import ctc_decoder
    except (ImportError, RuntimeError) as error:
        print(f"  flashlight: not measured: {error}")
        return None
    symbols = ["-", *("|" if symbol == " " else symbol for symbol in alphabet.symbols[1:])]
    spellings = None
    if lexicon is not None:
        spellings = str(Path(lm).with_suffix(".lexicon"))
        lines = [f"{word} {' '.join(word)} |" for word in lexicon]
        Path(spellings).write_text("\n".join(lines) + "\n", encoding="utf-8")
    decoder = ctc_decoder(
        lexicon=spellings,
        tokens=symbols,
        lm=lm,
        beam_size=limits.beam_width,
        beam_threshold=limits.score_threshold,
        lm_weight=weights.lm * LN10,  # KenLM's logarithms are to the base 10
        word_score=weights.word_bonus,
        blank_token="-",
        sil_token="|",
        unk_word="<unk>",
        log_add=True,
    )
    tensors = [torch.from_numpy(log_probs)[None] for log_probs in data.emissions]
    began = time.process_time()
    found = [decoder(tensor)[0][0] for tensor in tensors]
    seconds = time.process_time() - began
    if lexicon is not None:
        return Result([" ".join(hypothesis.words) for hypothesis in found], seconds)
    spelled = ["".join(decoder.idxs_to_tokens(hypothesis.tokens)) for hypothesis in found]
    return Result([" ".join(text.replace("|", " ").split()) for text in spelled], seconds)


def _pyctcdecode(python: str, job: dict[str, Any], folder: str) -> Result:
    with open(f"{folder}/job.pickle", "wb") as file:
        pickle.dump(job, file)
    command = [python, __file__, "--pyctcdecode-worker", f"{folder}/job.pickle"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record = json.loads(done.stdout.splitlines()[-1])
    return Result(record["texts"], record["seconds"])


def _compare(data: Data, ours: Result, theirs: Result, exact: Callable[[np.ndarray, str], float]) -> None:
    """How often our text scores at least as high as theirs, both scored exactly; list the differences."""
    not_worse, differing = 0, []
    for utterance, log_probs, mine, other in zip(
        data.ids, data.emissions, ours.texts, theirs.texts, strict=True
    ):
        if mine == other:
            not_worse += 1
            continue
        left, right = exact(log_probs, mine), exact(log_probs, other)
        not_worse += left >= right
        differing.append(f"    {utterance}: asr {left:.4f} {mine!r}, flashlight {right:.4f} {other!r}")
    share = not_worse / len(data.ids)
    print(f"  asr's text scores at least as high on {share:.2%} of utterances; {len(differing)} texts differ")
    print("\n".join(differing), end="\n" if differing else "")


def _exact_score(alphabet: Alphabet, lm: NgramModel, weights: Weights) -> Callable[[np.ndarray, str], float]:
    """ln P_ctc(text and the space after it) by the forward algorithm + weighted language model + bonuses."""
    import torch

    def exact(log_probs: np.ndarray, text: str) -> float:
        words = text.split()
        tokens = [alphabet.ids[symbol] for symbol in " ".join(words) + " "] if words else [alphabet.space]
        loss = torch.nn.functional.ctc_loss(
            torch.from_numpy(log_probs).double()[:, None], torch.tensor([tokens]), torch.tensor([len(log_probs)]), torch.tensor([len(tokens)]),
            reduction="none",
        )  # fmt: skip
        units = [*"|".join(words), *"|"] if lm.is_character_level else words
        return -float(loss[0]) + weights.lm * sum(lm.score_words(units)) + weights.word_bonus * len(words)

    return exact


def _report(name: str, data: Data, result: Result) -> None:
    found = score(zip(data.ids, data.references, result.texts, strict=True))
    speed = f", {data.seconds / result.seconds:.0f} times real time" if result.seconds else ""
    print(f"  {name:24}WER {found.wer:.2%}{speed}")


if __name__ == "__main__":
    sys.exit(main())
