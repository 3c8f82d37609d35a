"""Text as it is published."""

import pytest

from asr.writing.published import sentences


def told(text: str) -> list[str]:
    found = sentences(text.split("\n"), language="en")
    return [" ".join(word.form + word.mark for word in sentence) for sentence in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "“Well,” said he; “who’s there?” Nobody\nanswered.",
            ["Well, said he; who's there?", "Nobody answered."],
        ),
        ("Mr. J. Smith left.", ["Mr J Smith left."]),
        ("Is it I? It is I.", ["Is it I?", "It is I."]),
        ("‘Stop!’ he said—and ran.", ["Stop! he said and ran."]),
        ("He paused,--then a well-known voice: no!", ["He paused, then a well known voice: no!"]),
        ("It cost $5. They paid.", ["They paid."]),
        ("In 1850 he died. She lived.", ["She lived."]),
        ("CHAPTER TWO\n\nIt began.\n\nAn end without a mark\n\nNext one!", ["It began.", "Next one!"]),
        ("What ?!  Oh ...", ["What?", "Oh."]),
        ("هل أنت هنا؟ نعم، أنا هنا.", ["هل أنت هنا?", "نعم, أنا هنا."]),
        ("वह आया। वह गया।", ["वह आया.", "वह गया."]),
        ("Ein Haus, z.B. hier, steht.", ["Ein Haus, z B hier, steht."]),
        ("", []),
    ],
)
def test_sentences_are_words_and_marks(text, found):
    assert told(text) == found


def test_the_sign_is_kept_as_it_was_written():
    (sentence,) = sentences(["هل أنت هنا؟"])
    assert sentence[-1] == ("هنا", "?", "؟")
