"""The files that decoding options name, read and checked for fit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from asr.cache import made_once
from asr.data.pronouncing import Pronouncer
from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.alphabet import Alphabet
from asr.decoding.greedy import GreedySearch
from asr.decoding.lexicon import read_lexicon
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.options import LEXICON_OF_LM, DecodingOptions
from asr.decoding.prefix_beam import PrefixBeamSearch
from asr.decoding.prefix_scorer import Weights, build_prefix_scorer
from asr.decoding.pronunciation_lexicon import (
    MAGIC,
    PronunciationLexicon,
    build_pronunciation_lexicon,
    build_spelling_lexicon,
    map_lexicon,
    write_lexicon,
)
from asr.decoding.search import Limits, Search
from asr.errors import DecodingError
from asr.language_model.binary import read_language_model
from asr.language_model.mixture import LanguageModelMixture, check_share
from asr.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.language_model.recurrent import RecurrentModel, check_recurrent_model, read_recurrent_model

log = logging.getLogger(__name__)


class DecodingResources(NamedTuple):
    """What the files hold. Attributes are None where the options name no such file.

    Attributes:
        lm: the language model.
        lexicon: the only words allowed, as the phones of their pronunciations or the letters of their spelling.
        recurrent: reads the recurrent language model, once.
    """

    lm: NgramModel | None = None
    lexicon: PronunciationLexicon | None = None
    recurrent: Callable[[], RecurrentModel] | None = None


def read_resources(options: DecodingOptions, alphabet: Alphabet, phones: Sequence[str]) -> DecodingResources:
    """Read what the options name.

    Args:
        options: of the beam search.
        alphabet: of the model's letters.
        phones: of the model; ids count from 1, 0 is the blank.

    Raises:
        DecodingError: files that lack each other or share no word, or do not fit the model.
        LanguageModelError: a language model cannot be read.
        TranscriptError: the pronunciations cannot be read.
    """
    if options.pronunciations is not None and not phones:
        raise DecodingError(
            "this model hears letters alone, and pronunciations need one that hears phones; leave them out, or "
            "train with heads.phones (weight and pronunciations); a model that was exported to ONNX before it could carry phones: "
            "export it again"
        )
    lm = read_language_model(options.lm) if options.lm is not None else None
    recurrent = None
    if options.recurrent_lm is not None:
        if lm is None:
            raise DecodingError(
                f"{options.recurrent_lm}: a recurrent language model chooses among what an n-gram has found; name that, "
                "too (--lm)"
            )
        recurrent = _when_needed(options.recurrent_lm)
    words: Sequence[str] | None = None
    if options.lexicon == LEXICON_OF_LM:
        if lm is None or lm.is_character_level:
            raise DecodingError("lexicon 'lm': needs a language model of words to take the words from")
        words = lm.words[len(SPECIAL_WORDS) :]
    elif options.lexicon is not None:
        words = read_lexicon(options.lexicon)
    lexicon = None
    if options.pronunciations is not None:
        lexicon = _read_pronunciations(options, options.pronunciations, words, lm, phones)
    elif words is not None:
        lexicon = build_spelling_lexicon(words, alphabet, hot_words=options.hot_words)
        lexicon = lexicon if lm is None else lexicon.linked(lm)
    return DecodingResources(lm, lexicon, recurrent)


def _when_needed(path: str) -> Callable[[], RecurrentModel]:
    """Reads a recurrent language model when it is first asked for. Raises LanguageModelError, at once, for what is none."""
    check_recurrent_model(path)
    return cache(lambda: read_recurrent_model(path))


def _read_pronunciations(
    options: DecodingOptions,
    path: str,
    words: Sequence[str] | None,
    lm: NgramModel | None,
    phones: Sequence[str],
) -> PronunciationLexicon:
    """The pronunciations as a tree, linked with the language model, from the cache where there are no hot words."""

    def build() -> PronunciationLexicon:
        pronunciations = read_all_pronunciations(path)
        hot = dict.fromkeys(word for phrase in options.hot_words for word in phrase.split())
        guessed = _guess(
            [word for word in hot if word not in pronunciations], pronunciations, phones, source=path
        )
        if words is not None:
            allowed = {*words, *hot}
            limited = {word: ways for word, ways in pronunciations.items() if word in allowed}
            if not limited:
                raise DecodingError(
                    f"{path}: none of its {len(pronunciations)} words, such as {next(iter(pronunciations))!r}, is in "
                    f"the lexicon, which has words such as {next(iter(words), '')!r}; they must be spelled alike"
                )
            pronunciations = limited
        pronunciations.update(guessed)
        found = build_pronunciation_lexicon(pronunciations, phones, phrases=options.hot_words, source=path)
        return found if lm is None else found.linked(lm)

    if options.hot_words:
        return build()
    files = [path, *(file for file in (options.lm, options.lexicon) if file not in (None, LEXICON_OF_LM))]
    return made_once(
        "lexicon",
        [file for file in files if file is not None],
        parts=[MAGIC.hex(), options.lm is not None, options.lexicon == LEXICON_OF_LM, list(phones)],
        make=build,
        write=write_lexicon,
        read=lambda file: map_lexicon(file, lm),
    )


def _guess(
    words: Sequence[str],
    pronunciations: Mapping[str, Sequence[Sequence[str]]],
    phones: Sequence[str],
    *,
    source: str,
) -> dict[str, list[tuple[str, ...]]]:
    """Ways to say words that the dictionary lacks, which the log shows; without those that the model's phones cannot say."""
    pronouncer = Pronouncer(pronunciations)
    found = {}
    for word in words:
        said = pronouncer.say(word)
        if said.phones and set(phones).issuperset(said.phones):
            found[word] = [said.phones]
            log.warning(
                "hot word %r: not in %s; taken as said %s, by %s",
                word,
                source,
                " ".join(said.phones),
                said.source,
            )
    return found


def build_search(options: DecodingOptions, resources: DecodingResources, alphabet: Alphabet) -> Search:
    """The search that the options ask for, its files read. Raises DecodingError for what does not fit together."""
    if options.method == "greedy":
        return GreedySearch(alphabet)
    limits = Limits(
        options.beam_width, options.token_threshold, options.score_threshold, recombine=options.lm is not None
    )
    weights = Weights(options.lm_weight, options.word_bonus, options.unknown_penalty)
    if resources.lexicon is None:
        any_word = build_prefix_scorer(
            alphabet,
            lm=resources.lm,
            weights=weights,
            hot_words=options.hot_words,
            look_ahead=options.look_ahead,
        )
        return PrefixBeamSearch(alphabet, any_word, limits=limits, blank_penalty=options.blank_penalty)
    scorer = build_lexicon_scorer(
        resources.lexicon,
        lm=resources.lm,
        weights=weights,
        hot_words=options.hot_words,
        look_ahead=options.look_ahead,
    )
    return LexiconBeamSearch(resources.lexicon, scorer, limits=limits, blank_penalty=options.blank_penalty)


def build_mixture(
    options: DecodingOptions, resources: DecodingResources
) -> Callable[[], LanguageModelMixture] | None:
    """Both language models of the options, the recurrent one read when they are first asked for; None without one.

    Raises:
        DecodingError: a share that is none; models that do not fit together, when they are first asked for.
    """
    check_share(options.recurrent_share)
    recurrent, lm = resources.recurrent, resources.lm
    if recurrent is None or options.recurrent_share == 0:
        return None
    assert lm is not None
    return cache(lambda: LanguageModelMixture(lm, recurrent(), share=options.recurrent_share))
