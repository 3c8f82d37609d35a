"""TIMIT's 61 phones, and which of them count as the same: the 48 that are modelled, the 39 that are scored.

After Lee & Hon 1989 (table I and section III); the glottal stop q is dropped in both foldings.
"""

# Phones that are folded; all others stay as they are. 61 -> 48, then 48 -> 39.
_TO_48 = {
    **dict.fromkeys(("pcl", "tcl", "kcl"), "cl"),
    **dict.fromkeys(("bcl", "dcl", "gcl"), "vcl"),
    **dict.fromkeys(("h#", "pau"), "sil"),
    "ax-h": "ax",
    "axr": "er",
    "em": "m",
    "eng": "ng",
    "hv": "hh",
    "nx": "n",
    "ux": "uw",
    "q": "",
}
_TO_39 = {
    **dict.fromkeys(("cl", "vcl", "epi"), "sil"),
    "ao": "aa",
    "ax": "ah",
    "el": "l",
    "en": "n",
    "ix": "ih",
    "zh": "sh",
}
_ALL_PHONES = """
    aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy jh k
    kcl l m n ng nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh
"""
TIMIT_PHONES = tuple(_ALL_PHONES.split())


def fold_phone(phone: str, phones: int) -> str:
    """One of the 61 phones in the set of 61, 48 or 39; "" for one that the set drops."""
    if phones == 61:
        return phone
    phone = _TO_48.get(phone, phone)
    return _TO_39.get(phone, phone) if phones == 39 else phone


def fold_transcript(text: str, phones: int) -> str:
    """Each phone of a transcript folded; those that the set drops are gone."""
    folded = (fold_phone(phone, phones) for phone in text.split())
    return " ".join(phone for phone in folded if phone)
