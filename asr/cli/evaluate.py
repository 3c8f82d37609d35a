"""Transcribe a manifest and report its word error rate.

  asr evaluate data/an4/test.jsonl --model runs/an4/checkpoints/best.pt --out reports/an4-test

Writes report.html, report.json and hypotheses.jsonl into the folder. References are compared as the
model's tokenizer spells them (white space and letter case), nothing else is changed.
"""

import argparse
import json
import sys
from pathlib import Path

from asr.cli.model_options import add_model_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", type=Path, help="utterances with transcripts")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    import time
    from dataclasses import asdict

    from tqdm import tqdm

    from asr.cli.console import table
    from asr.cli.model_options import load_model
    from asr.data.manifest import read_manifest
    from asr.errors import ManifestError
    from asr.evaluation.report import write_report
    from asr.evaluation.scoring import score
    from asr.evaluation.significance import bootstrap_interval
    from asr.files import write_atomically

    utterances = read_manifest(arguments.manifest)
    without = [utterance.id for utterance in utterances if utterance.text is None]
    if without:
        raise ManifestError(
            f"{arguments.manifest} (utt {without[0]}): no transcript, and {len(without) - 1} more; evaluation needs `text`"
        )
    transcriber = load_model(arguments)
    hypotheses, failed = {}, []
    seconds = sum(utterance.duration for utterance in utterances)
    began = time.perf_counter()
    with tqdm(total=round(seconds), unit="s", desc="transcribing", disable=not sys.stderr.isatty()) as bar:
        for utterance, hypothesis, error in transcriber.transcribe_utterances(utterances):
            if hypothesis is None:
                print(f"asr: utt {utterance.id}: {error}", file=sys.stderr)
                failed.append(utterance.id)
            else:
                hypotheses[utterance.id] = hypothesis
            bar.update(round(utterance.duration))
    spent = time.perf_counter() - began
    done = [utterance for utterance in utterances if utterance.id in hypotheses]
    if not done:
        raise ManifestError(f"{arguments.manifest}: no utterance could be transcribed")
    result = score(
        (utterance.id, transcriber.tokenizer.normalise(utterance.text or ""), hypotheses[utterance.id].text)
        for utterance in done
    )
    with write_atomically(arguments.out / "hypotheses.jsonl") as file:
        for utterance in done:
            hypothesis = hypotheses[utterance.id]
            record = {
                "id": utterance.id,
                "text": hypothesis.text,
                "score": hypothesis.score,
                "words": [asdict(word) for word in hypothesis.words],
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    settings = {
        "manifest": str(arguments.manifest),
        "model": str(arguments.model),
        "decoding": str(transcriber.decoder.config),
        "normalisation": f"white space, letter case {transcriber.tokenizer.case}",
        "audio": f"{seconds / 3600:.3f} h in {spent:.1f} s ({seconds / spent:.0f} times real time)",
        "failed utterances": ", ".join(failed) or "none",
    }
    page = write_report(
        arguments.out, result, title=f"{arguments.manifest.stem}: word error rate", settings=settings
    )
    low, high = bootstrap_interval([utterance.words for utterance in result.utterances])
    words = result.words
    print(
        table(
            [
                ("", "rate", "errors", "of", "sub", "del", "ins"),
                (
                    "WER",
                    f"{result.wer:.2%}",
                    words.errors,
                    words.reference_length,
                    words.substitutions,
                    words.deletions,
                    words.insertions,
                ),
                (
                    "CER",
                    f"{result.cer:.2%}",
                    result.characters.errors,
                    result.characters.reference_length,
                    result.characters.substitutions,
                    result.characters.deletions,
                    result.characters.insertions,
                ),
                ("SER", f"{result.ser:.2%}", result.wrong_sentences, len(result.utterances), "", "", ""),
            ]
        )
    )
    print(f"WER 95 % interval {low:.2%} to {high:.2%}; {seconds / spent:.0f} times real time")
    print(f"report: {page}")
    if failed:
        print(
            f"asr: {len(failed)} of {len(utterances)} utterances failed and are not in the numbers",
            file=sys.stderr,
        )
    return 1 if failed else 0
