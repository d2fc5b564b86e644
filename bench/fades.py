"""Whether a person's fades can be learnt from a few of their edits: simulated people with habits of their own.

    make bench-fades ARGS='--music DIR'

Sessions as for the pointer network, one package after another. Each person edits them as the truth says, with fades of their own; their habit is learnt from 5, 10 and 25 edits and judged on 20 others, beside somebody who never
fades and somebody who always does.
"""
import argparse
from collections import defaultdict

import numpy as np

from editorbot.core import CROSSFADE_S, FRAME_RATE
from editorbot.edl import Source, edl_from_regions
from editorbot.editors.fades import fit_fades, judge_fades, with_fades
from editorbot.data.examples import build_examples
from editorbot.pointer.pointer_training import RICH
from editorbot.simulation.sessions import find_songs

SR = 22050


def loudest(mel, a, b):
    "The loudest band of a stretch, dB below full scale."
    return 80 * mel[:, max(0, a):b].max(initial=0) - 80


def ringing(mel, regions, rng):
    "Fades out for about two seconds what still sounds at its end; in one case of twenty the other way round."
    still = np.array([loudest(mel, b - 4, b) > loudest(mel, a, b) - 30 for a, b in regions]) ^ (rng.random(len(regions)) < .05)
    return np.stack([np.zeros(len(regions)), still * rng.lognormal(.7, .3, len(regions))], 1), CROSSFADE_S


def closing(mel, regions, rng):
    "Fades out the end of everything for about five seconds, and joins under crossfades of a second."
    return np.stack([np.zeros(len(regions)), (np.arange(len(regions)) == len(regions) - 1) * rng.lognormal(1.6, .2, len(regions))], 1), 1.


def gentle(mel, regions, rng):
    "Fades everything in, for half a second, and out for one what is cut off: it goes on behind its end nearly as loud."
    off = np.array([loudest(mel, b, b + 8) > loudest(mel, b - 8, b) - 10 for _, b in regions])
    return np.stack([rng.lognormal(-.7, .2, len(regions)), off * rng.lognormal(0, .2, len(regions))], 1), CROSSFADE_S


def plain(mel, regions, rng):
    "Never fades; hard cuts."
    return np.zeros((len(regions), 2)), 0.


PEOPLE = dict(ringing=ringing, closing=closing, gentle=gentle, plain=plain)


def edited(e, person, seed):
    "Somebody's edit of a session: its mel and the EDL."
    mel = e.mel.astype(np.float32) / 255
    seconds, crossfade = person(mel, e.regions, np.random.default_rng([seed, 17]))
    step = SR / FRAME_RATE
    source = Source('session.wav', '0' * 64, SR, 1, round(e.frames * step), 'PCM_16')
    edl = edl_from_regions(source, [(round(a * step), min(source.frames, round(b * step))) for a, b in e.regions], round(crossfade * SR))
    return mel, with_fades(edl, seconds)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--only', nargs='*', help='packages; default: each')
    ap.add_argument('--pairs', nargs='*', type=int, default=[5, 10, 25])
    ap.add_argument('--test', type=int, default=20, help='sessions that test; they come first')
    ap.add_argument('--jobs', type=int, help='processes that make sessions; default: one a core')
    ap.add_argument('--cache', default='data/cache/sessions')
    a = ap.parse_args()
    songs, rows = find_songs(a.music), defaultdict(list)
    for package in a.only or sorted({s.package for s in songs}):
        made = build_examples([s for s in songs if s.package == package], a.test + max(a.pairs), 1, a.cache, RICH, a.jobs)
        for name, person in PEOPLE.items():
            edits = [edited(e, person, i) for i, e in enumerate(made) if len(e.regions)]
            test, own = edits[:a.test], edits[a.test:]
            for n in a.pairs:
                fades = fit_fades(own[:n])
                for side, said in judge_fades(fades, test).items(): rows[name, n, side].append((said, fades.crossfade))
    print('| person | pairs | fades | edges | that fade | right | "never" right | "always" right | factor between lengths | crossfade, ms |\n|---|---:|---|---:|---:|---:|---:|---:|---:|---:|')
    for (name, n, side), found in rows.items():
        said = [s for s, _ in found]
        total = sum(s['edges'] for s in said)
        right, never, always = (sum(s[k] * s['edges'] for s in said) / total for k in ('right', 'never', 'always'))
        factors, cross = [s['factor'] for s in said if np.isfinite(s['factor'])], [c for _, c in found if c is not None]
        print(f"| {name} | {n} | {side} | {total} | {sum(s['fades'] for s in said)} | {right:.3f} | {never:.3f} | {always:.3f} | "
              f"{f'{np.mean(factors):.2f}' if factors else '-'} | {f'{1000 * np.median(cross):.0f}' if cross else '-'} |")
