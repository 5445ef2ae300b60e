#!/usr/bin/env python3
"""How good does recorded speech sound, held against its source? Wide-band PESQ (ITU-T P.862.2) by PyPI's `pesq`.

    pesq_score.py SOURCE.wav RECORDED.wav FROM SECONDS

Both are 48 kHz mono of 16 bits; the source plays in a loop. SECONDS of the recording, beginning at FROM, are cut into pieces of about
ten seconds (what PESQ is made for); each is laid over the source where it correlates best. Prints the mean score.
"""

import sys
import wave

import numpy as np
from pesq import pesq

RATE = 16_000
PIECE = 10


def read(path):
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2), path
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
    # To a third of the rate: a windowed sinc that passes up to 7.5 kHz.
    taps = np.arange(-96, 97)
    low_pass = np.sinc(taps * 2 * 7500 / 48_000) * np.kaiser(len(taps), 8)
    return np.convolve(samples, low_pass / low_pass.sum(), mode="same")[::3]


def lag(source, piece):
    """Where in the looped source the piece begins."""
    size = 1 << (len(source) * 2 + len(piece)).bit_length()
    looped = np.tile(source, 2 + len(piece) // len(source))[: len(source) + len(piece)]
    likeness = np.fft.irfft(np.fft.rfft(looped, size) * np.conj(np.fft.rfft(piece, size)), size)
    return int(np.argmax(likeness[: len(source)]))


def main():
    source, recorded = read(sys.argv[1]), read(sys.argv[2])
    start, seconds = float(sys.argv[3]), float(sys.argv[4])
    recorded = recorded[int(start * RATE) :][: int(seconds * RATE)]
    pieces = np.array_split(recorded, max(1, round(len(recorded) / RATE / PIECE)))
    scores = []
    for piece in pieces:
        begins = lag(source, piece)
        meant = np.tile(source, 2 + len(piece) // len(source))[begins : begins + len(piece)]
        scores.append(pesq(RATE, meant / 32_768, piece / 32_768, "wb"))
    print(f"{np.mean(scores):.3f}")


main()
