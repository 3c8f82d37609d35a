"""The page's subtitles are those of the package."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

import asr.serving.page
from asr.decoding.hypothesis import Word
from asr.transcription.formats import SubtitleRules
from asr.transcription.formats.subtitles import make_cues
from asr.transcription.transcript import gather_segments

NODE = shutil.which("node")
PAGE = Path(asr.serving.page.__file__).parent
SCRIPT = """
import {{ RULES, cues }} from "{address}";
import {{ readFileSync }} from "node:fs";
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map((segments) => cues(segments, {{ ...RULES, ...{rules} }}))));
"""


def talk(seed: int) -> list[Word]:
    """Words of all lengths, some with marks, some after pauses."""
    draw = random.Random(seed)
    words, time = [], 0.0
    for _ in range(draw.randrange(60)):
        text = "é" * draw.choice([1, 3, 5, 8, 13, 50]) + draw.choice(["", "", "", ",", ".", "?", "…"])
        start = time + draw.choice([0.0, 0.0, 0.1, 0.6, 1.0, 2.5])
        time = start + draw.choice([0.1, 0.25, 0.5, 1.5, 8.0])
        words.append(Word(text, start, time, 0.9))
    return words


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("rules", [{}, {"line": 20, "lines": 3, "shortest": 2.0, "longest": 4.0}])
def test_the_page_cuts_cues_as_the_package_does(rules: dict[str, float]) -> None:
    talks = [gather_segments(talk(seed), duration=600) for seed in range(100)]
    given = [
        [
            {"words": [{"word": word.text, "start": word.start, "end": word.end} for word in segment.words]}
            for segment in each.segments
        ]
        for each in talks
    ]
    script = SCRIPT.format(address=(PAGE / "transcript.js").as_uri(), rules=json.dumps(rules))
    found = subprocess.run(
        [str(NODE), "--input-type=module", "--eval", script],
        input=json.dumps(given), capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    names = {"line": "line_length", "lines": "lines", "shortest": "shortest", "longest": "longest"}
    own = SubtitleRules(**{names[name]: value for name, value in rules.items()})  # type: ignore[arg-type]
    wanted = [
        [{"start": cue.start, "end": cue.end, "lines": list(cue.lines)} for cue in make_cues(each, own)]
        for each in talks
    ]
    assert json.loads(found.stdout) == wanted
    assert sum(map(len, wanted)) > 300
