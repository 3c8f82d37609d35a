"""The files that decoding options name, read and checked for fit."""

from collections.abc import Sequence
from typing import NamedTuple

from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.alphabet import Alphabet
from asr.decoding.greedy import GreedySearch
from asr.decoding.lexicon import read_lexicon
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.options import LEXICON_OF_LM, DecodingOptions
from asr.decoding.prefix_beam import PrefixBeamSearch
from asr.decoding.prefix_scorer import Weights, build_prefix_scorer
from asr.decoding.pronunciation_lexicon import PronunciationLexicon, build_pronunciation_lexicon
from asr.decoding.search import Limits, Search
from asr.errors import DecodingError
from asr.language_model.binary import read_language_model
from asr.language_model.mixture import LanguageModelMixture
from asr.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.language_model.recurrent import RecurrentModel, read_recurrent_model


class DecodingResources(NamedTuple):
    """What the files hold. Attributes are None where the options name no such file.

    Attributes:
        lm: the language model.
        lexicon: the only words allowed.
        recurrent: the recurrent language model.
        pronunciations: the words as phones, those of `lexicon` alone where there is one.
    """

    lm: NgramModel | None = None
    lexicon: Sequence[str] | None = None
    recurrent: RecurrentModel | None = None
    pronunciations: PronunciationLexicon | None = None


def read_resources(options: DecodingOptions, phones: Sequence[str]) -> DecodingResources:
    """Read what the options name.

    Args:
        options: of the beam search.
        phones: of the model; ids count from 1, 0 is the blank.

    Raises:
        DecodingError: files that lack each other or share no word, or do not fit the model.
        LanguageModelError: a language model cannot be read.
        TranscriptError: the pronunciations cannot be read.
    """
    if options.pronunciations is not None and not phones:
        raise DecodingError(
            "this model hears letters alone, and pronunciations need one that hears phones; leave them out, or "
            "train with heads.phones (weight and pronunciations)"
        )
    lm = read_language_model(options.lm) if options.lm is not None else None
    recurrent = None if options.recurrent_lm is None else read_recurrent_model(options.recurrent_lm)
    if recurrent is not None and lm is None:
        raise DecodingError(
            f"{options.recurrent_lm}: a recurrent language model chooses among what an n-gram has found; name that, too "
            "(--lm)"
        )
    lexicon: Sequence[str] | None = None
    if options.lexicon == LEXICON_OF_LM:
        if lm is None or lm.is_character_level:
            raise DecodingError("lexicon 'lm': needs a language model of words to take the words from")
        lexicon = lm.words[len(SPECIAL_WORDS) :]
    elif options.lexicon is not None:
        lexicon = read_lexicon(options.lexicon)
    return DecodingResources(lm, lexicon, recurrent, _read_pronunciations(options, lexicon, phones))


def _read_pronunciations(
    options: DecodingOptions, lexicon: Sequence[str] | None, phones: Sequence[str]
) -> PronunciationLexicon | None:
    path = options.pronunciations
    if path is None:
        return None
    pronunciations = read_all_pronunciations(path)
    if lexicon is not None:
        allowed = {*lexicon, *(word for phrase in options.hot_words for word in phrase.split())}
        limited = {word: ways for word, ways in pronunciations.items() if word in allowed}
        if not limited:
            raise DecodingError(
                f"{path}: none of its {len(pronunciations)} words, such as {next(iter(pronunciations))!r}, is in the "
                f"lexicon, which has words such as {next(iter(lexicon), '')!r}; they must be spelled alike"
            )
        pronunciations = limited
    return build_pronunciation_lexicon(pronunciations, phones, phrases=options.hot_words, source=path)


def build_search(options: DecodingOptions, resources: DecodingResources, alphabet: Alphabet) -> Search:
    """The search that the options ask for, its files read. Raises DecodingError for what does not fit together."""
    if options.method == "greedy":
        return GreedySearch(alphabet)
    limits = Limits(
        options.beam_width,
        options.token_threshold,
        options.score_threshold,
        recombine=options.lm is not None,
    )
    weights = Weights(options.lm_weight, options.word_bonus, options.unknown_penalty)
    if resources.pronunciations is not None:
        lexicon = resources.pronunciations
        scorer = build_lexicon_scorer(
            lexicon,
            lm=resources.lm,
            weights=weights,
            hot_words=options.hot_words,
            look_ahead=options.look_ahead,
        )
        return LexiconBeamSearch(lexicon, scorer, limits=limits, blank_penalty=options.blank_penalty)
    of_letters = build_prefix_scorer(
        alphabet,
        lm=resources.lm,
        weights=weights,
        lexicon=resources.lexicon,
        hot_words=options.hot_words,
        look_ahead=options.look_ahead,
    )
    return PrefixBeamSearch(alphabet, of_letters, limits=limits, blank_penalty=options.blank_penalty)


def build_mixture(options: DecodingOptions, resources: DecodingResources) -> LanguageModelMixture | None:
    """Both language models of the options; None without a recurrent one. Raises DecodingError."""
    if resources.recurrent is None or options.recurrent_share == 0:
        return None
    assert resources.lm is not None
    return LanguageModelMixture(resources.lm, resources.recurrent, share=options.recurrent_share)
