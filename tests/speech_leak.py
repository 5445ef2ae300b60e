#!/usr/bin/env python3
"""How well can somebody who sees the packets of a call tell when a person speaks?

Reads what tests/bench/speech.rs wrote down: times and sizes of the sealed sound stream's packets and nothing else of them, when the
person muted themselves, and how loud the voice was. Cuts the call into windows of 200 ms, trains a gradient-boosted classifier on
the first half, and prints the area under the ROC curve on the second: 0.5 is guessing, 1 is certainty. `./dev speech` runs it.

The listener does not know how far the packets lag behind the voice, and may find out: the figure is the highest of all lags that
are tried, so chance alone puts it a little above one half. How much is printed, too: the same with the labels turned about in time.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

WINDOW = 0.2
LAGS = np.arange(0.0, 2.01, 0.2)


def column(path, *names):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [np.array([float(row[name]) for row in rows]) for name in names]


def features(at, size, windows):
    """What a window looks like, and the two on either side of it."""
    gaps = np.diff(at, prepend=at[0] - 0.02)
    rows = []
    for index in range(windows):
        inside = (at >= index * WINDOW) & (at < (index + 1) * WINDOW)
        g, s = gaps[inside], size[inside]
        if len(g) == 0:
            rows.append([0] * 9)
            continue
        phase = at[inside] % 0.02
        rows.append([len(g), g.mean(), g.std(), g.min(), g.max(), s.mean(), s.std(), s.sum(), phase.mean()])
    rows = np.array(rows)
    return np.hstack([np.roll(rows, shift, axis=0) for shift in (-2, -1, 0, 1, 2)])


def auc(x, y):
    half = len(y) // 2
    if len(set(y[:half])) < 2 or len(set(y[half:])) < 2:
        return float("nan")
    model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.1, random_state=1).fit(x[:half], y[:half])
    return roc_auc_score(y[half:], model.predict_proba(x[half:])[:, 1])


def main():
    folder = Path(sys.argv[1])
    at, size = column(folder / "packets.csv", "at_us", "bytes")
    at = at / 1e6
    order = np.argsort(at, kind="stable")
    at, size = at[order], size[order]
    (rms,) = column(folder / "voice.csv", "rms")
    mute_at, mute_on = column(folder / "mutes.csv", "at_us", "on")
    mute_at = mute_at / 1e6

    windows = int(at[-1] / WINDOW)
    x = features(at, size, windows)
    middle = (np.arange(windows) + 0.5) * WINDOW
    muted = np.array([mute_on[mute_at <= t][-1] if (mute_at <= t).any() else 0 for t in middle])
    # In the middle of a change a window is both.
    settled = np.array([np.abs(mute_at - t).min() > 0.3 if len(mute_at) else True for t in middle])
    loud = rms > 0.01

    def spoken(lag):
        frames = ((middle + lag)[:, None] + np.arange(-0.08, 0.1, 0.02)) / 0.02
        frames = np.clip(frames.astype(int), 0, len(loud) - 1)
        return loud[frames].mean(axis=1)

    print(f"{len(at)} packets in {at[-1]:.0f} s, sizes {sorted(int(s) for s in set(size))}")
    gaps = np.diff(at) * 1000
    print("ms between packets: " + ", ".join(f"{name} {np.percentile(gaps, p):.2f}" for name, p in
          (("1 %", 1), ("median", 50), ("99 %", 99))))
    best, turned = 0.0, 0.0
    for lag in LAGS:
        share = spoken(lag)
        clear = ((share < 0.1) | (share > 0.9)) & (muted == 0) & settled
        best = max(best, auc(x[clear], share[clear] > 0.5))
        share = spoken(lag + 37.0)
        clear = ((share < 0.1) | (share > 0.9)) & (muted == 0) & settled
        turned = max(turned, auc(x[clear], share[clear] > 0.5))
    print(f"speech or silence: AUC {best:.3f} (labels of another time: {turned:.3f})")
    print(f"muted or not:      AUC {auc(x[settled], muted[settled]):.3f}")


if __name__ == "__main__":
    main()
