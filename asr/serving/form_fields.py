"""The fields of a transcription's form: OpenAI's and our own, checked, with what is ignored and why.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from asr.errors import UsageError
from asr.options import option_fields, option_name
from asr.serving.config import ServingConfig
from asr.serving.errors import RequestError
from asr.serving.request_words import RequestWords, read_words
from asr.serving.uploads import Upload
from asr.transcription.channels import CHANNELS, Channels
from asr.transcription.formats import SubtitleRules

RESPONSE_FORMATS = ("json", "verbose_json", "text", "srt", "vtt")
GRANULARITIES = ("word", "segment")
TEXTS = ("readable", "verbatim")
MOST_ALTERNATIVES = 20


class Field(NamedTuple):
    """A form field.

    Attributes:
        schema: of one value, as OpenAPI has it.
        is_right: whether a value is of this kind.
        wanted: what is, for error messages.
        ignored: why it changes nothing here; None where it does.
        plain: values that ask for nothing else than is done.
        is_list: whether it may be given several times.
        also: the field that this is another name of.
    """

    schema: dict[str, Any]
    is_right: Callable[[str], bool]
    wanted: str
    ignored: str | None = None
    plain: Sequence[str] = ()
    is_list: bool = False
    also: str | None = None


def _choice(*values: str, is_list: bool = False, ignored: str | None = None) -> Field:
    schema = {"type": "string", "enum": list(values)}
    return Field(schema, values.__contains__, " or ".join(values), ignored, is_list=is_list)


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,3}", text) is not None and 1 <= int(text) <= MOST_ALTERNATIVES


def _subtitle_rule(default: Any) -> Field:
    if isinstance(default, int):
        return Field(
            {"type": "integer", "minimum": 1},
            lambda text: re.fullmatch(r"[0-9]{1,4}", text) is not None,
            "a whole number",
        )
    return Field(
        {"type": "number", "minimum": 0},
        lambda text: re.fullmatch(r"[0-9]{1,6}(\.[0-9]*)?|\.[0-9]+", text) is not None,
        "seconds",
    )


def _is_share(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,17})?|\.[0-9]{1,17}", text) is not None and float(text) <= 1


def _is_chunking(text: str) -> bool:
    if text == "auto":
        return True
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


_RULES = {option_name(rule): rule for rule in option_fields(SubtitleRules)}
_TEXT: dict[str, Any] = {"type": "string"}
FIELDS = {
    "response_format": _choice(*RESPONSE_FORMATS),
    "timestamp_granularities": _choice(*GRANULARITIES, is_list=True),
    "n_best": Field(
        {"type": "integer", "minimum": 1, "maximum": MOST_ALTERNATIVES}, _is_whole, f"1 to {MOST_ALTERNATIVES}"
    ),
    "text": _choice(*TEXTS),
    "channels": _choice(*CHANNELS),
    **{name: _subtitle_rule(rule.default) for name, rule in _RULES.items()},
    "model": Field(_TEXT, lambda text: True, "a name"),
    "language": Field(
        _TEXT,
        lambda text: re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text) is not None,
        "a code of ISO 639-1, such as en",
        "the model knows one language",
    ),
    "hot_words": Field(_TEXT, lambda text: True, "phrases", is_list=True),
    "phrases": Field(_TEXT, lambda text: True, "phrases", is_list=True),
    "prompt": Field(_TEXT, lambda text: True, "text"),
    "temperature": Field(
        {"type": "number", "minimum": 0, "maximum": 1}, _is_share, "a number from 0 to 1",
        "decoding is deterministic", plain=("0", "0.0"),
    ),
    "stream": Field(
        {"type": "boolean"}, lambda text: text.lower() in ("true", "false", "1", "0"), "true or false"
    ),
    "include": _choice("logprobs", is_list=True, ignored="words have a confidence, with response_format verbose_json"),
    "chunking_strategy": Field(
        _TEXT, _is_chunking, "auto or a JSON object", "recordings are cut at pauses", plain=("auto",)
    ),
}  # fmt: skip
FIELDS["n"] = FIELDS["n_best"]._replace(also="n_best")  # as OpenAI calls it elsewhere
# Fields that only these answers have room for, and the value that does not need them.
_ONLY: dict[str, tuple[tuple[str, ...], str | None]] = {
    "timestamp_granularities": (("verbose_json",), None),
    "n_best": (("verbose_json",), "1"),
    "stream": (("json", "text"), "false"),
    **{name: (("srt", "vtt"), f"{rule.default:g}") for name, rule in _RULES.items()},
}


@dataclass(frozen=True)
class FormOptions:
    """What a form asks for.

    Attributes:
        response_format: one of RESPONSE_FORMATS.
        granularities: some of GRANULARITIES.
        n_best: texts of each stretch.
        channels: what is made of several channels, see `PipelineConfig`.
        text: one of TEXTS; nothing is readable where the server has no tagger.
        subtitles: how srt and vtt make cues.
        stream: whether the text is sent as it comes.
        words: what is said of the request's words.
        notices: what was asked for and is not done, and why.
    """

    response_format: str
    granularities: tuple[str, ...]
    n_best: int
    channels: Channels
    text: str
    subtitles: SubtitleRules
    stream: bool
    words: RequestWords
    notices: tuple[str, ...]


def read_options(upload: Upload, config: ServingConfig) -> FormOptions:
    """Check every field of a form; one that is empty counts as not given.

    Raises:
        RequestError: 400, which names every field that is wrong, and the first as `param`.
    """
    given = {name: [value for value in values if value] for name, values in upload.fields.items()}
    given = {name: values for name, values in given.items() if values}
    called = {}  # fields by another name, which errors speak of
    for name, also in [(name, field.also) for name, field in FIELDS.items() if field.also and name in given]:
        if also in given:
            raise RequestError(400, f"{name} beside {also}, which is the same; give one of them", param=name)
        given[also] = given.pop(name)
        called[also] = name
    wanted = given.get("response_format", ["json"])[0]
    wrong: dict[str, str] = {}
    notices = []
    for name, values in given.items():
        field = FIELDS.get(name)
        if field is None:
            notices.append(f"{name[:100]} is ignored: no field of this server")
            continue
        asked_as = called.get(name, name)
        bad = [value for value in values if not field.is_right(value)]
        if bad:
            wrong[asked_as] = f"{asked_as} {bad[0][:100]!r}; expected {field.wanted}"
        elif len(values) > 1 and not field.is_list:
            wrong[asked_as] = f"{asked_as} is given {len(values)} times; expected it once"
        elif name in _ONLY and [values[0].lower()] != [_ONLY[name][1]] and wanted not in _ONLY[name][0]:
            wrong[asked_as] = (
                f"{asked_as} goes with response_format {' or '.join(_ONLY[name][0])}; got {wanted[:100]}"
            )
        elif field.ignored is not None and any(value not in field.plain for value in values):
            notices.append(f"{name} is ignored: {field.ignored}")
    if wrong:
        raise RequestError(400, "; ".join(wrong.values()), param=next(iter(wrong)))
    asked = {name: rule for name, rule in _RULES.items() if name in given}
    chosen: dict[str, Any] = {
        rule.name: (int if isinstance(rule.default, int) else float)(given[name][0])
        for name, rule in asked.items()
    }
    try:
        subtitles = SubtitleRules(**chosen)
    except UsageError as error:
        raise RequestError(400, str(error), param=next(iter(asked))) from None
    channels: Channels = next(one for one in CHANNELS if one == given.get("channels", ["mix"])[0])
    streams = given.get("stream", ["false"])[0].lower() in ("true", "1")
    if streams and channels in ("separate", "auto"):
        raise RequestError(
            400,
            f"stream with channels {channels}: turns are in order once every channel has been heard; leave stream out, or "
            "take channels mix, 1 or 2",
            param="stream",
        )
    if given.get("model", [config.model_name]) != [config.model_name]:
        notices.append(f"model is ignored: this server has {config.model_name} alone")
    return FormOptions(
        wanted,
        tuple(given.get("timestamp_granularities", ["segment"])),
        int(given.get("n_best", ["1"])[0]),
        channels,
        given.get("text", ["readable"])[0],
        subtitles,
        streams,
        read_words(given),
        tuple(notices),
    )


def form_schema() -> dict[str, Any]:
    """The form, for the request body of openapi.json."""
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
    for name, field in FIELDS.items():
        if field.is_list:
            properties[f"{name}[]"] = {"type": "array", "items": field.schema}
        else:
            properties[name] = field.schema
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
