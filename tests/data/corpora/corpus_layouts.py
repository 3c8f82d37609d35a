"""Small corpora in the layouts of their publishers: folders, names and transcript files as published.

Each builder writes one below a folder and says what a reader must find: split -> id -> transcript.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

Found = dict[str, dict[str, str]]


def sound(path: Path, seconds: float = 0.3, *, rate: int = 16000, channels: int = 1, **settings: str) -> Path:
    """Noise of that length; the format follows the suffix unless `format` and `subtype` say otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).uniform(-0.1, 0.1, (round(seconds * rate), channels))
    kinds = {".sph": {"format": "NIST", "subtype": "PCM_16"}, ".opus": {"format": "OGG", "subtype": "OPUS"}}
    soundfile.write(path, noise, rate, **(settings or kinds.get(path.suffix.lower(), {})))
    return path


def text(path: Path, *lines: str) -> Path:
    """A UTF-8 file of those lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def an4(root: Path) -> Found:
    splits = {"train": ("an4_clstk", ["fash", "fbbh", "fclc"]), "test": ("an4test_clstk", ["fcaw"])}
    for split, (folder, speakers) in splits.items():
        names = [f"{folder}/{speaker}/an25{number}-{speaker}-b" for speaker in speakers for number in (1, 2)]
        for name in names:
            sound(root / "an4" / "wav" / f"{name}.sph")
        text(root / "an4" / "etc" / f"an4_{split}.fileids", *names)
        lines = (f"<s> YES {number} </s> ({Path(name).name})" for number, name in enumerate(names))
        text(root / "an4" / "etc" / f"an4_{split}.transcription", *lines)
    # Which speaker is held out is fixed by their names.
    return {
        "train": {
            f"an25{n}-{s}-b": f"YES {i + n - 1}" for s, i in (("fash", 0), ("fclc", 4)) for n in (1, 2)
        },
        "dev": {"an251-fbbh-b": "YES 2", "an252-fbbh-b": "YES 3"},
        "test": {"an251-fcaw-b": "YES 0", "an252-fcaw-b": "YES 1"},
    }


def librispeech(root: Path) -> Found:
    base = root / "LibriSpeech"
    text(base / "SPEAKERS.TXT", ";ID  |SEX| SUBSET", "84   | F | dev-clean        |  8.02 | Christie Nowak")
    for subset, chapter in (("dev-clean", "84/121123"), ("train-clean-5", "1088/134315")):
        stem = chapter.replace("/", "-")
        lines = []
        for number, words in enumerate(("GO DO YOU HEAR", "IT WAS A SCENE")):
            sound(base / subset / chapter / f"{stem}-{number:04d}.flac")
            lines.append(f"{stem}-{number:04d} {words}")
        text(base / subset / chapter / f"{stem}.trans.txt", *lines)
    return {
        "dev-clean": {"84-121123-0000": "GO DO YOU HEAR", "84-121123-0001": "IT WAS A SCENE"},
        "train-clean-5": {"1088-134315-0000": "GO DO YOU HEAR", "1088-134315-0001": "IT WAS A SCENE"},
    }


def speechocean762(root: Path) -> Found:
    base = root / "speechocean762"
    for split, name in (("train", "000010011"), ("test", "000030012")):
        speaker = name[1:5]
        sound(base / "WAVE" / f"SPEAKER{speaker}" / f"{name}.WAV", format="WAV")
        text(base / split / "wav.scp", f"{name}\tWAVE/SPEAKER{speaker}/{name}.WAV")
        text(base / split / "text", f"{name}\tWE CALL IT BEAR")
        text(base / split / "utt2spk", f"{name} {speaker}")
        text(base / split / "spk2gender", f"{speaker}\tm")
        text(base / split / "spk2age", f"{speaker}\t6")
    return {"train": {"000010011": "WE CALL IT BEAR"}, "test": {"000030012": "WE CALL IT BEAR"}}


def common_voice(root: Path) -> Found:
    base = root / "cv-corpus-17.0-2024-03-15" / "cy"
    header = "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\taccents\tvariant\tlocale\tsegment"
    for number, split in enumerate(("train", "dev", "test")):
        clip = f"common_voice_cy_{17160000 + number}.mp3"
        sound(base / "clips" / clip, rate=48000)
        row = [
            "a1b2",
            clip,
            "3c4d",
            'Mae\'r "tŷ" yn fawr.',
            "",
            "2",
            "0",
            "twenties",
            "female_feminine",
            "",
            "",
            "cy",
            "",
        ]
        text(base / f"{split}.tsv", header, "\t".join(row))
    sound(base / "clips" / "common_voice_cy_1.mp3", rate=48000)  # in no split
    return {
        split: {f"common_voice_cy_{17160000 + number}": "mae'r tŷ yn fawr"}
        for number, split in enumerate(("train", "dev", "test"))
    }


def ljspeech(root: Path) -> Found:
    base = root / "LJSpeech-1.1"
    sound(base / "wavs" / "LJ001-0001.wav", rate=22050)
    sound(base / "wavs" / "LJ001-0002.wav", rate=22050)
    text(
        base / "metadata.csv",
        'LJ001-0001|Printing, in the "only sense|Printing, in the "only sense',
        "LJ001-0002|in being 2 modern.|in being two modern.",
    )
    return {"all": {"LJ001-0001": "printing in the only sense", "LJ001-0002": "in being two modern"}}


def vctk(root: Path) -> Found:
    base = root / "VCTK-Corpus-0.92"
    text(
        base / "speaker-info.txt",
        "ID  AGE  GENDER  ACCENTS  REGION COMMENTS",
        "p225  23  F    English    Southern  England",
    )
    text(base / "txt" / "p225" / "p225_001.txt", "Please call Stella.")
    for microphone in (1, 2):
        sound(base / "wav48_silence_trimmed" / "p225" / f"p225_001_mic{microphone}.flac", rate=48000)
    sound(
        base / "wav48_silence_trimmed" / "p315" / "p315_001_mic1.flac", rate=48000
    )  # published without text
    return {"mic1": {"p225_001_mic1": "please call stella"}, "mic2": {"p225_001_mic2": "please call stella"}}


def cmu_arctic(root: Path) -> Found:
    base = root / "cmu_us_bdl_arctic"
    sound(base / "wav" / "arctic_a0001.wav")
    text(base / "etc" / "txt.done.data", '( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )')
    return {"all": {"bdl-arctic_a0001": "author of the danger trail philip steels etc"}}


def speech_commands(root: Path) -> Found:
    base = root / "speech_commands_v0.02"
    names = (
        "bed/0a7c2a8d_nohash_0",
        "bed/0a7c2a8d_nohash_1",
        "yes/1b4c9b89_nohash_0",
        "yes/2aca1e72_nohash_0",
    )
    for name in names:
        sound(base / f"{name}.wav")
    sound(base / "_background_noise_" / "running_tap.wav", 2.0)
    text(base / "validation_list.txt", "bed/0a7c2a8d_nohash_1.wav")
    text(base / "testing_list.txt", "yes/2aca1e72_nohash_0.wav")
    return {
        "train": {"bed-0a7c2a8d_nohash_0": "bed", "yes-1b4c9b89_nohash_0": "yes"},
        "validation": {"bed-0a7c2a8d_nohash_1": "bed"},
        "test": {"yes-2aca1e72_nohash_0": "yes"},
    }


def fsdd(root: Path) -> Found:
    base = root / "free-spoken-digit-dataset-1.0.10" / "recordings"
    for name in ("7_jackson_0", "7_jackson_9", "0_theo_10"):
        sound(base / f"{name}.wav", rate=8000)
    return {"test": {"7_jackson_0": "seven"}, "dev": {"7_jackson_9": "seven"}, "train": {"0_theo_10": "zero"}}


def audio_mnist(root: Path) -> Found:
    base = root / "AudioMNIST" / "data"
    for speaker in ("01", "04", "05"):
        sound(base / speaker / f"3_{speaker}_24.wav", rate=48000)
    about = {
        "accent": "german",
        "age": "30",
        "gender": "male",
        "native speaker": "no",
        "origin": "Europe, Germany, Berlin",
    }
    text(base / "audioMNIST_meta.txt", json.dumps({"01": about}, indent=1))
    return {"train": {"3_01_24": "three"}, "dev": {"3_04_24": "three"}, "test": {"3_05_24": "three"}}


def yesno(root: Path) -> Found:
    base = root / "waves_yesno"
    names = [f"{number:08b}".replace("", "_").strip("_") for number in range(10)]
    for name in names:
        sound(base / f"{name}.wav", rate=8000)
    text(base / "README", "The archive contains recordings of one speaker")
    words = {name: " ".join("YES" if digit == "1" else "NO" for digit in name.split("_")) for name in names}
    return {
        "train": {name: words[name] for name in names[0:8:2]},
        "dev": {names[8]: words[names[8]]},
        "test": {name: words[name] for name in names[1::2]},
    }


def timit(root: Path) -> Found:
    base = root / "TIMIT"
    people = {
        "TRAIN/DR1/FCJF0": "SX37",
        "TEST/DR1/FAKS0": "SI943",
        "TEST/DR1/MDAB0": "SX139",
        "TEST/DR2/FRAM1": "SI730",
    }
    for place, sentence in people.items():
        for name in (sentence, "SA1"):
            sound(base / place / f"{name}.WAV", format="NIST", subtype="PCM_16")
            text(base / place / f"{name}.TXT", "0 46797 She had, don't ask, your dark suit.")
            text(base / place / f"{name}.WRD", "3050 5723 she", "5723 10337 had")
            text(
                base / place / f"{name}.PHN",
                "0 3050 h#",
                "3050 4559 sh",
                "4559 5723 ix",
                "5723 6642 tcl",
                "6642 8772 q",
                "8772 9190 zh",
                "9190 9300 pau",
            )
    words = "she had don't ask your dark suit"
    return {
        "train": {"fcjf0-sx37": words},
        "dev": {"faks0-si943": words},
        "test": {"mdab0-sx139": words},
        "test-complete": {"faks0-si943": words, "mdab0-sx139": words, "fram1-si730": words},
    }


def mls(root: Path) -> Found:
    base = root / "mls_polish_opus"
    text(
        base / "metainfo.txt",
        " SPEAKER   |   GENDER   | PARTITION  |  MINUTES   |  BOOK ID   |  TITLE  | CHAPTER",
        "  6892     |     F      |   train    |   1.0   | 10233 | Dziwne | 1",
    )
    found: Found = {}
    for split in ("train", "dev", "test"):
        sound(base / split / "audio" / "6892" / "10233" / "6892_10233_000000.opus")
        text(base / split / "transcripts.txt", "6892_10233_000000\tzaczęło się od tego")
        text(base / split / "segments.txt", "6892_10233_000000\thttp://www.archive.org/x.mp3\t401.76\t417.57")
        found[f"polish-{split}"] = {"6892_10233_000000": "zaczęło się od tego"}
    return found


def libri_light(root: Path) -> Found:
    base = root / "librispeech_finetuning"
    places = {"1h/0/clean/3526/175658": "10min", "1h/5/other/1085/128033": "1h", "9h/clean/98/121658": "10h"}
    for place in places:
        stem = "-".join(Path(place).parts[-2:])
        sound(base / place / f"{stem}-0000.flac")
        text(base / place / f"{stem}.trans.txt", f"{stem}-0000 CHAPTER ONE")
    return {
        "10min": {"3526-175658-0000": "CHAPTER ONE"},
        "1h": {"3526-175658-0000": "CHAPTER ONE", "1085-128033-0000": "CHAPTER ONE"},
        "10h": dict.fromkeys(("3526-175658-0000", "1085-128033-0000", "98-121658-0000"), "CHAPTER ONE"),
    }


def _stm_talk(folder: Path, talk: str, *, ignored: bool) -> None:
    sound(folder / "sph" / f"{talk}.sph", 2.0)
    lines = [f"{talk} 1 {talk} 0.10 0.90 <o,f0,male> it 's <unk> a {{NOISE}} test(2)"]
    if ignored:
        lines.insert(0, f"{talk} 1 inter_segment_gap 0 0.10 <o,,unknown> ignore_time_segment_in_scoring")
    lines.append(f"{talk} 1 {talk} 0.90 1.95 <o,f0,male> and another")
    text(folder / "stm" / f"{talk}.stm", *lines)


def tedlium3(root: Path) -> Found:
    base = root / "TEDLIUM_release-3"
    _stm_talk(base / "data", "AaronHuey_2010X", ignored=False)
    _stm_talk(base / "legacy" / "dev", "AlGore_2009", ignored=True)
    _stm_talk(base / "legacy" / "test", "AimeeMullins_2009P", ignored=True)
    talks = {"train": "AaronHuey_2010X", "dev": "AlGore_2009", "test": "AimeeMullins_2009P"}
    return {
        split: {f"{talk}-0000010-0000090": "it's a test", f"{talk}-0000090-0000195": "and another"}
        for split, talk in talks.items()
    }


def tedlium2(root: Path) -> Found:
    talks = {"train": "AaronHuey_2010X", "dev": "AlGore_2009", "test": "AimeeMullins_2009P"}
    for split, talk in talks.items():
        _stm_talk(root / "TEDLIUM_release2" / split, talk, ignored=split != "train")
    return {
        split: {f"{talk}-0000010-0000090": "it's a test", f"{talk}-0000090-0000195": "and another"}
        for split, talk in talks.items()
    }


def voxpopuli(root: Path) -> Found:
    session = "20090112-0900-PLENARY-17"
    sound(
        root / "raw_audios" / "original" / "2009" / f"{session}_original.ogg",
        3.0,
        format="OGG",
        subtype="VORBIS",
    )
    header = "id_|paragraph_id|session_id|speaker_id|original_text|normed_text|decoded|start_time|end_time|cer|wer|vad|split|gender"
    rows = [
        f"en_{number}|1|{session}|28|Thank you, Mr Barroso.|thank you mr barroso|x|{start}|{start + 0.8}|0|0|[({start}, {start + 0.8})]|{split}|male"
        for number, (split, start) in enumerate(
            (("train", 0.2), ("dev", 1.0), ("test", 2.0), ("invalid", 0.0))
        )
    ]
    with gzip.open(root / "asr_en.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join([header, *rows]) + "\n")
    return {
        f"en-{split}": {f"{session}-en_{number}": "thank you mr barroso"}
        for number, split in enumerate(("train", "dev", "test"))
    }


def gigaspeech(root: Path) -> Found:
    base = root / "GigaSpeech"
    place = "audio/youtube/P0000/YOU0000000315.opus"
    sound(base / place, 4.0)
    segments = [
        {"sid": "YOU0000000315_S0000660", "speaker": "N/A", "begin_time": 0.5, "end_time": 1.5,
         "text_tn": "AS THEY'RE LEAVING <COMMA> CAN KASH PULL ZAHRA ASIDE <PERIOD>", "subsets": ["{M}", "{XL}"]},
        {"sid": "YOU0000000315_S0000661", "speaker": "N/A", "begin_time": 1.5, "end_time": 2.5,
         "text_tn": "<MUSIC>", "subsets": ["{XL}"]},
    ]  # fmt: skip
    recording = {
        "title": "It's a \"title\"]", "url": "https://www.youtube.com/watch?v=x", "path": place, "aid": "YOU0000000315",
        "source": "youtube", "period": "2021-01", "md5": "0", "speaker": "N/A", "category": "People and Blogs",
        "channels": 1, "sample_rate": 16000, "format": "opus", "duration": 4.0, "subsets": ["{M}", "{XL}"],
        "segments": segments,
    }  # fmt: skip
    listing = {
        "dataset": "GigaSpeech",
        "language": "EN",
        "version": "v1.0.0",
        "audios": [recording],
        "other": [],
    }
    text(base / "GigaSpeech.json", json.dumps(listing))
    words = {"YOU0000000315_S0000660": "AS THEY'RE LEAVING CAN KASH PULL ZAHRA ASIDE"}
    return {"M": words, "XL": words}


def peoples_speech(root: Path) -> Found:
    base = root / "peoples_speech"
    found: Found = {}
    for subset in ("train/clean", "validation/validation", "test/test"):
        name = "gov_DOT_uscourts_DOT_scotus/gov_DOT_uscourts_DOT_scotus_DOT_19-161_00000.flac"
        sound(base / subset / name, 0.5)
        data = {"label": ["good morning"], "name": [name], "duration_ms": [500]}
        text(
            base / f"{subset}.json",
            json.dumps({"identifier": "gov.uscourts.scotus.19-161", "training_data": data}),
        )
        found[Path(subset).name] = {name.removesuffix(".flac"): "good morning"}
    return found


def aishell(root: Path) -> Found:
    base = root / "data_aishell"
    splits = {"train": "S0002", "dev": "S0724", "test": "S0764"}
    names = {split: f"BAC009{speaker}W0122" for split, speaker in splits.items()}
    for split, speaker in splits.items():
        sound(base / "wav" / split / speaker / f"{names[split]}.wav")
    sound(base / "wav" / "train" / "S0002" / "BAC009S0002W0999.wav")  # some are published without transcript
    text(
        base / "transcript" / "aishell_transcript_v0.8.txt",
        *(f"{name} 而 对 楼市 ａ" for name in names.values()),
    )
    text(root / "resource_aishell" / "speaker.info", "0002 F")
    return {split: {name: "而对楼市A"} for split, name in names.items()}


def fleurs(root: Path) -> Found:
    base = root / "cy_gb"
    found: Found = {}
    for number, split in enumerate(("train", "dev", "test")):
        name = f"1{number}004088536354799741.wav"
        sound(base / "audio" / split / name)
        row = [str(1675 + number), name, 'Y "Bont".', "y bont", "y | b o n t |", "4800", "MALE"]
        text(base / f"{split}.tsv", "\t".join(row))
        found[split] = {f"{1675 + number}-{Path(name).stem}": "y bont"}
    return found


def voxforge(root: Path) -> Found:
    base = root / "Aaron-20080318-kdl"
    sound(base / "wav" / "b0019.wav")
    sound(base / "wav" / "b0099.wav")  # without prompt
    text(
        base / "etc" / "PROMPTS",
        "Aaron-20080318-kdl/mfc/b0019 YOUR SON WOULD BE SEVENTEEN",
        "Aaron-20080318-kdl/mfc/b0020 NOBODY RECORDED THIS",
    )
    text(
        base / "etc" / "README",
        "User Name:Aaron",
        "",
        "Speaker Characteristics:",
        "",
        "Gender: Male",
        "Age Range: Adult",
    )
    return {"all": {"Aaron-20080318-kdl-b0019": "your son would be seventeen"}}


def fluent_speech_commands(root: Path) -> Found:
    base = root / "fluent_speech_commands_dataset"
    found: Found = {}
    for split in ("train", "valid", "test"):
        place = f"wavs/speakers/2BqVo8kVB2Skwgyb/0a3129c0-{split}.wav"
        sound(base / place)
        text(
            base / "data" / f"{split}_data.csv",
            ",path,speakerId,transcription,action,object,location",
            f'0,{place},2BqVo8kVB2Skwgyb,"Turn the lights on, please",activate,lights,none',
        )
        found[split] = {f"0a3129c0-{split}": "turn the lights on please"}
    return found


def wsj(root: Path) -> Found:
    base = root / "LDC"
    utterances = {
        "13-34.1/wsj1/doc/indices/si_tr_s.ndx": ("13_1_1", "13-1.1", "wsj1/si_tr_s/460/460c0201.wv1"),
        "11-13.1/wsj0/doc/indices/train/tr_s_wv1.ndx": ("11_1_1", "11-1.1", "wsj0/si_tr_s/01t/01to030v.wv1"),
        "13-34.1/wsj1/doc/indices/h1_p0.ndx": ("13_16_1", "13-16.1", "wsj1/si_dt_20/4k0/4k0c0301.wv1"),
        "11-13.1/wsj0/doc/indices/test/nvp/si_et_20.ndx": (
            "11_14_1",
            "11-14.1",
            "wsj0/si_et_20/440/440c0401",
        ),
        "13-32.1/wsj1/doc/indices/wsj1/eval/h1_p0.ndx": (
            "13_32_1",
            "13-33.1",
            "wsj1/si_et_h1/4oa/4oac0201.wv1",
        ),
    }
    for index, (tag, disk, path) in utterances.items():
        text(base / index, "; a comment", f"{tag}: {path}")
        audio = base / disk / (path if path.endswith(".wv1") else f"{path}.wv1")
        sound(audio, format="NIST", subtype="PCM_16")
        name = audio.stem
        line = f"The <and> [door_slam] company isn\\'t up 5\\.7 \\%PERCENT \\-\\-DASH . ({name})"
        text(audio.with_name(f"{name[:6]}00.dot"), line)
    words = "THE AND COMPANY ISN'T UP 5.7 PERCENT -DASH"
    return {
        "train_si284": {"460c0201": words, "01to030v": words},
        "train_si84": {"01to030v": words},
        "dev93": {"4k0c0301": words},
        "eval92": {"440c0401": words},
        "eval93": {"4oac0201": words},
    }


def switchboard(root: Path) -> Found:
    sound(
        root / "swb1_d1" / "data" / "sw02001.sph", 3.0, rate=8000, channels=2, format="NIST", subtype="ULAW"
    )
    base = root / "swb_ms98_transcriptions" / "20" / "2001"
    text(
        base / "sw2001A-ms98-a-trans.text",
        "sw2001A-ms98-a-0001 0.000000 0.977625 [silence]",
        "sw2001A-ms98-a-0002 0.977625 2.561625 hi um [laughter-yeah] i'd like -[a]bout ab[solute]- {yuppiedom} them_1 [noise]",
    )
    text(base / "sw2001B-ms98-a-trans.text", "sw2001B-ms98-a-0001 0.500000 1.250000 okay")
    return {
        "train": {
            "sw02001-A_000098-000256": "hi um yeah i'd like -bout ab- yuppiedom them",
            "sw02001-B_000050-000125": "okay",
        }
    }


def kaldi(root: Path) -> Found:
    base = root / "data"
    sound(base / "audio" / "meeting.wav", 2.0, channels=2)
    sound(base / "audio" / "single.flac")
    train = base / "train"
    text(
        train / "wav.scp",
        "meeting-B sph2pipe -f wav -p -c 2 audio/meeting.wav |",
        "single flac -c -d -s audio/single.flac |",
    )
    text(train / "segments", "meeting-B-1 meeting-B 0.25 1.00", "single-1 single 0 -1")
    text(train / "text", "meeting-B-1 good morning", "single-1 hello")
    text(train / "utt2spk", "meeting-B-1 B", "single-1 C")
    text(base / "test" / "wav.scp", "t1 audio/single.flac")
    text(base / "test" / "text", "t1 hello")
    return {"train": {"meeting-B-1": "good morning", "single-1": "hello"}, "test": {"t1": "hello"}}


def nemo(root: Path) -> Found:
    sound(root / "wav" / "long.wav", 3.0)
    text(
        root / "train_manifest.json",
        json.dumps(
            {
                "audio_filepath": "wav/long.wav",
                "duration": 1.0,
                "offset": 0.5,
                "text": "good morning",
                "lang": "en",
            }
        ),
        json.dumps(
            {"audio_filepath": "wav/long.wav", "duration": 1.25, "offset": 1.5, "text": "hello", "speaker": 3}
        ),
    )
    return {"train": {"wav-long-00000500": "good morning", "wav-long-00001500": "hello"}}


def lhotse(root: Path) -> Found:
    sound(root / "meeting.wav", 3.0, channels=2)
    recording = {
        "id": "meeting", "sources": [{"type": "file", "channels": [0, 1], "source": "meeting.wav"}],
        "sampling_rate": 16000, "num_samples": 48000, "duration": 3.0, "channel_ids": [0, 1],
    }  # fmt: skip
    supervisions = [
        {"id": "meeting-1", "recording_id": "meeting", "start": 0.25, "duration": 1.0, "channel": 1,
         "text": "good morning", "language": "English", "speaker": "B", "custom": {"far": True}},
        {"id": "meeting-2", "recording_id": "meeting", "start": 1.5, "duration": 0.5, "channel": 1, "text": "hello"},
    ]  # fmt: skip
    cut = {"id": "meeting-0-1", "start": 0.5, "duration": 2.5, "channel": 1, "supervisions": supervisions,
           "recording": recording, "type": "MonoCut"}  # fmt: skip
    with gzip.open(root / "ami_cuts_train.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(cut) + "\n")
    return {"train": {"meeting-1": "good morning", "meeting-2": "hello"}}


def folder(root: Path) -> Found:
    sound(root / "anna" / "a.wav")
    text(root / "anna" / "a.txt", "good  morning")
    sound(root / "b.mp3", rate=44100)
    text(root / "b.lab", "hello")
    return {"all": {"anna-a": "good morning", "b": "hello"}}


BUILDERS: dict[str, Callable[[Path], Found]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        an4, librispeech, speechocean762, common_voice, ljspeech, vctk, cmu_arctic, speech_commands, fsdd, audio_mnist,
        yesno, timit, mls, libri_light, tedlium3, tedlium2, voxpopuli, gigaspeech, peoples_speech, aishell, fleurs,
        voxforge, fluent_speech_commands, wsj, switchboard, kaldi, nemo, lhotse, folder,
    )
}  # fmt: skip
