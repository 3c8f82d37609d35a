"""The files that decoding options name, read and checked for fit."""

from collections.abc import Callable, Collection, Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple

from asr.cache import made_once
from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.alphabet import Alphabet
from asr.decoding.grafting import graft_hot_words
from asr.decoding.greedy import GreedySearch
from asr.decoding.lexicon import read_lexicon
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import LexiconScorer, build_lexicon_scorer
from asr.decoding.options import LEXICON_OF_LM, DecodingOptions
from asr.decoding.phrases import build_phrase_search
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
from asr.decoding.said_words import SaidWords
from asr.decoding.search import Limits, Search
from asr.errors import DecodingError
from asr.language_model.binary import read_language_model
from asr.language_model.mixture import LanguageModelMixture, check_share
from asr.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.language_model.recurrent import RecurrentModel, check_recurrent_model, read_recurrent_model


class DecodingResources(NamedTuple):
    """What the files hold. Attributes are None where the options name no such file.

    Attributes:
        lm: the language model.
        lexicon: the only words allowed, as the phones of their pronunciations or the letters of their spelling.
        recurrent: reads the recurrent language model, once.
        said: how words are said, of the pronunciations.
    """

    lm: NgramModel | None = None
    lexicon: PronunciationLexicon | None = None
    recurrent: Callable[[], RecurrentModel] | None = None
    said: SaidWords | None = None


def read_resources(options: DecodingOptions, alphabet: Alphabet, phones: Sequence[str]) -> DecodingResources:
    """Read what the options name; of phrases, which know no other word and need no language model, the pronunciations alone.

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
    if options.phrases:
        path = options.pronunciations
        return DecodingResources(said=None if path is None else SaidWords(path, phones))
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
    lexicon, said = None, None
    if options.pronunciations is not None:
        lexicon = _read_pronunciations(options, options.pronunciations, words, lm, phones)
        said = SaidWords(options.pronunciations, phones, lexicon)
    elif words is not None:
        lexicon = build_spelling_lexicon(words, alphabet)
        lexicon = lexicon if lm is None else lexicon.linked(lm)
    return DecodingResources(lm, lexicon, recurrent, said)


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
    """The pronunciations as a tree, linked with the language model, from the cache."""

    def build() -> PronunciationLexicon:
        pronunciations = read_all_pronunciations(path)
        if words is not None:
            allowed = set(words)
            limited = {word: ways for word, ways in pronunciations.items() if word in allowed}
            if not limited:
                raise DecodingError(
                    f"{path}: none of its {len(pronunciations)} words, such as {next(iter(pronunciations))!r}, is in "
                    f"the lexicon, which has words such as {next(iter(words), '')!r}; they must be spelled alike"
                )
            pronunciations = limited
        found = build_pronunciation_lexicon(pronunciations, phones, source=path)
        return found if lm is None else found.linked(lm)

    files = [path, *(file for file in (options.lm, options.lexicon) if file not in (None, LEXICON_OF_LM))]
    return made_once(
        "lexicon",
        [file for file in files if file is not None],
        parts=[MAGIC.hex(), options.lm is not None, options.lexicon == LEXICON_OF_LM, list(phones)],
        make=build,
        write=write_lexicon,
        read=lambda file: map_lexicon(file, lm),
    )


def build_search(options: DecodingOptions, resources: DecodingResources, alphabet: Alphabet) -> Search:
    """The search that the options ask for, its files read. Raises DecodingError for what does not fit together."""
    if options.method == "greedy":
        return GreedySearch(alphabet)
    limits = Limits(
        options.beam_width, options.token_threshold, options.score_threshold, recombine=options.lm is not None
    )
    if options.phrases:
        return build_phrase_search(options, alphabet, resources.said, limits=limits)
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
    lexicon, lm, said = resources.lexicon, resources.lm, resources.said
    scorer = _plain_scorer(lexicon, lm, weights, options.look_ahead)
    if options.hot_words:

        def make(words: Collection[str], phrases: Collection[str]) -> PronunciationLexicon:
            if said is None:
                return build_spelling_lexicon([], alphabet, phrases=[*words, *phrases])
            parts = {word for phrase in phrases for word in phrase.split()} - set(words)
            ways = said.ways([*words, *sorted(parts)])
            missing = [word for word in words if word not in ways]
            return build_pronunciation_lexicon(
                ways, said.phones, phrases=[*missing, *phrases], within=parts, source=said.path
            )

        lexicon, scorer = graft_hot_words(
            *(lexicon, scorer, options.hot_words),
            make=make,
            lm=lm,
            weights=weights,
            look_ahead=options.look_ahead,
        )
    return LexiconBeamSearch(lexicon, scorer, limits=limits, blank_penalty=options.blank_penalty)


@lru_cache(maxsize=2)
def _plain_scorer(
    lexicon: PronunciationLexicon, lm: NgramModel | None, weights: Weights, look_ahead: bool
) -> LexiconScorer:
    """The scorer without hot words, kept: each request may have hot words of its own."""
    return build_lexicon_scorer(lexicon, lm=lm, weights=weights, look_ahead=look_ahead)


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
    return partial(_mixture, lm, recurrent, options.recurrent_share)


@lru_cache(maxsize=2)
def _mixture(lm: NgramModel, recurrent: Callable[[], RecurrentModel], share: float) -> LanguageModelMixture:
    """The mixture, kept like the plain scorer: to find each word's number in the other model takes 12 ms."""
    return LanguageModelMixture(lm, recurrent(), share=share)
