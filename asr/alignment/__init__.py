"""Forced alignment: a recording and its text -> when each word and each phone is spoken, and where the two do not fit."""
