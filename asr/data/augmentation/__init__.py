"""Changing the waveforms of training utterances, reproducibly: `WaveformAugmentation` in `waveform_augmentation.py`."""
