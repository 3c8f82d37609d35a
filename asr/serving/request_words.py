"""The words of one request: hot words, phrases, OpenAI's prompt; and the decoder that knows them.

The same search over the same lexicon and language model, made in milliseconds: nothing is loaded, and no request sees the words of
another.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from asr.data.espeak import espeak
from asr.decoding.decoder import Decoder
from asr.decoding.hotwords import DEFAULT_WEIGHT, parse_hot_word
from asr.decoding.phrase_list import split_phrases
from asr.errors import AsrError
from asr.serving.errors import RequestError
from asr.transcription.transcriber import Transcriber

NAMES = ("hot_words", "phrases", "prompt")
_MOST = {"hot_words": 500, "phrases": 1000, "prompt": 200}
_LONGEST = 200  # characters of a phrase
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?:;\n]+")


@dataclass(frozen=True)
class RequestWords:
    """What a request says of its words.

    Attributes:
        hot_words: phrase -> weight (natural log).
        phrases: all that may be said, where there are any.
        prompt: a text as OpenAI's clients send it.
    """

    hot_words: Mapping[str, float] = field(default_factory=dict)
    phrases: tuple[str, ...] = ()
    prompt: str = ""

    def __bool__(self) -> bool:
        """Whether anything else than the server's own decoder is asked for."""
        return bool(self.hot_words or self.phrases or self.prompt)


def read_words(given: Mapping[str, Any]) -> RequestWords:
    """The fields of a form, or of a message, each a text or a list of texts; what is not given is empty.

    Raises:
        RequestError: 400, which names the field: another type, a weight that is no number, too many or too long, or hot words
            beside phrases.
    """
    text = {name: _joined(name, given[name]) for name in NAMES if given.get(name)}
    hot_words: dict[str, float] = {}
    for part in re.split(r"[,\n]", text.get("hot_words", "")):
        if part.strip():
            phrase, weight = _hot_word(part.strip())
            hot_words[phrase] = weight
    phrases = split_phrases(text.get("phrases", ""))
    if "phrases" in text and not phrases:
        raise RequestError(
            400, "phrases: none in it; expected some, parted by commas or line feeds", param="phrases"
        )
    for name, found in (("hot_words", list(hot_words)), ("phrases", list(phrases))):
        if len(found) > _MOST[name]:
            raise RequestError(400, f"{name}: {len(found)}; expected at most {_MOST[name]}", param=name)
        longest = max(found, key=len, default="")
        if len(longest) > _LONGEST:
            raise RequestError(
                400,
                f"{name}: {longest[:40]!r}... has {len(longest)} characters; expected at most {_LONGEST}, and commas or line feeds "
                "between phrases",
                param=name,
            )
    if hot_words and phrases:
        raise RequestError(
            400,
            "hot_words beside phrases, which alone may be said; give the one or the other",
            param="hot_words",
        )
    return RequestWords(hot_words, phrases, text.get("prompt", ""))


def _joined(name: str, value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise RequestError(400, f"{name} {str(value)[:100]}; expected a text, or a list of texts", param=name)
    return "\n".join(values)


def _hot_word(text: str) -> tuple[str, float]:
    try:
        phrase, weight = parse_hot_word(text, where="hot_words", separator="=")
    except AsrError as error:
        raise RequestError(400, str(error), param="hot_words") from None
    if not phrase or not math.isfinite(weight):
        raise RequestError(
            400,
            f"hot_words {text[:100]!r}; expected PHRASE or PHRASE=WEIGHT, such as Kaminski=7",
            param="hot_words",
        )
    return phrase, weight


def decoder_for(transcriber: Transcriber, words: RequestWords) -> tuple[Decoder, list[str]]:
    """The server's decoder with a request's words on top of its own hot words, and what of the words is left out.

    Raises:
        RequestError: 400, which says what cannot be.
    """
    if not words:
        return transcriber.decoder, []
    options = transcriber.options
    notices: list[str] = []
    if words.phrases:
        name = "phrases"
        options = replace(options, method="beam", hot_words={}, phrases=words.phrases)
        if words.prompt:
            notices.append("prompt is ignored: phrases alone may be said")
    elif options.phrases and not words.hot_words:
        return transcriber.decoder, ["prompt is ignored: this server knows phrases alone"]
    else:
        name = "hot_words" if words.hot_words else "prompt"
        _check_sayable(transcriber.decoder, words.hot_words)
        wanted = prompt_words(words.prompt, transcriber.decoder)
        favoured = [word for word in wanted if _can_be_heard(transcriber.decoder, word)][: _MOST["prompt"]]
        if left_out := [word for word in wanted if word not in favoured]:
            notices.append(
                f"prompt: {', '.join(left_out[:20])} left out: no pronunciation, or too many words"
            )
        if not favoured and not words.hot_words:
            return transcriber.decoder, notices
        asked = {**dict.fromkeys(favoured, DEFAULT_WEIGHT), **words.hot_words}
        own_case = transcriber.decoder.in_case  # here, for the log is no place for what is asked
        hot_words = {**options.hot_words, **{own_case(word): weight for word, weight in asked.items()}}
        try:
            options = replace(options, method="beam", hot_words=hot_words)
        except AsrError as error:
            raise RequestError(400, f"{error} (this server was started with --phrases)", param=name) from None
    if words.phrases:
        _check_sayable(transcriber.decoder, words.phrases, param="phrases")
    try:
        return transcriber.with_options(options).decoder, notices
    except AsrError as error:
        if name == "prompt":
            return transcriber.decoder, [*notices, f"prompt is ignored: {error}"]
        raise RequestError(400, str(error), param=name) from None


def _check_sayable(
    decoder: Decoder, phrases: Mapping[str, float] | tuple[str, ...], *, param: str = "hot_words"
) -> None:
    """Raise RequestError for words that only espeak-ng's rules can say, where it is missing."""
    unsaid = decoder.without_pronunciation(word for phrase in phrases for word in phrase.split())
    if unsaid and not _has_rules():
        raise RequestError(
            400,
            f"{param}: no pronunciation of {', '.join(unsaid[:10])} in the server's dictionary; expected words of the dictionary, for "
            "this server has no rules for others (`pip install espeakng-loader` there)",
            param=param,
        )


def _can_be_heard(decoder: Decoder, word: str) -> bool:
    """Whether a word of a prompt has a pronunciation, or letters that the model has."""
    if decoder.without_pronunciation([word]) and not _has_rules():
        return False
    return decoder.can_hear(word)


def _has_rules() -> bool:
    try:
        espeak()
    except AsrError:
        return False
    return True


def prompt_words(prompt: str, decoder: Decoder) -> list[str]:
    """What becomes hot words of a prompt: words that the server's vocabulary lacks, and capitalised words within a sentence.

    In a prompt without small letters capitals say nothing.
    """
    has_case = prompt != prompt.upper()
    found: dict[str, None] = {}
    for sentence in _SENTENCE.split(prompt):
        for place, word in enumerate(_WORD.findall(sentence)):
            word = word.replace("’", "'")
            is_name = has_case and place > 0 and len(word) > 1 and word[0].isupper()
            if is_name or (len(word) > 1 and decoder.lacks(word)):
                found[word] = None
    return list(found)
