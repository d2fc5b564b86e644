"""How well beats are found: trackers on 40 synthetic songs that nothing was tuned on, with mir_eval's scores.

    make bench-beats                                   librosa as it is, and editorbot's default
    make bench-beats ARGS='--beatnet PATH'             BeatNet too (its models/model_2_weights.pt; needs madmom-infer)
    make bench-beats ARGS='--beat-this PATH'           Beat This too (its checkpoint; needs beat-this)

Songs 200 to 239 of the synthetic band, a minute each: 66 to 172 BPM, three or four beats in a bar, straight or swung. `place`: share of the beats found (within 70 ms) whose place in the bar is right. `lag`: median
of found less true.
"""
import argparse, os, tempfile, time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np, soundfile as sf
from editorbot.sound.beats import analyse_beats, onset_strength, score_beats
from editorbot.core import SR
from editorbot.sound.mel import load_track
from editorbot.simulation.band import random_score, synth_song


def song(seed, seconds=60.):
    score = random_score(np.random.default_rng([seed, 20]), seconds)
    n = sum(bars for _, bars, _, _ in score.form) * score.beats
    return synth_song(seed, seconds, SR).mean(1), np.arange(n + 1) * 60 / score.bpm, score.beats


def plain(track):
    from librosa.beat import beat_track
    return beat_track(onset_envelope=onset_strength(track.mel), sr=SR, units='time')[1], None


def ours(track, **kw):
    b = analyse_beats(track, **kw)
    return b.times[b.found], b.position[b.found]


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--songs', type=int, default=40)
    ap.add_argument('--beatnet', help='weights of BeatNet')
    ap.add_argument('--beat-this', help='checkpoint of Beat This')
    a = ap.parse_args()
    trackers = {'librosa as it is': plain, 'librosa (editorbot)': ours}
    if a.beatnet: trackers['beatnet'] = lambda t: ours(t, tracker='beatnet', checkpoint=a.beatnet)
    if a.beat_this: trackers['beat_this'] = lambda t: ours(t, tracker='beat_this', checkpoint=a.beat_this)
    rows = {k: [] for k in trackers}
    with tempfile.TemporaryDirectory() as d:
        for seed in range(200, 200 + a.songs):
            y, true, m = song(seed)
            sf.write(Path(d)/'song.wav', y, SR, subtype='FLOAT')
            track = load_track(Path(d)/'song.wav')
            for name, f in trackers.items():
                c = time.process_time()
                t, place = f(track)
                r = score_beats(t, true) | dict(cpu=time.process_time() - c)
                if len(t):
                    j = np.abs(t[:, None] - true).argmin(1)
                    near = np.abs(t - true[j]) < .07
                    if near.any():
                        r['lag'] = 1e3 * np.median((t - true[j])[near])
                        if place is not None: r['place'] = np.mean(place[near] == j[near] % m + 1)
                rows[name].append(r)
    print('| tracker | F (70 ms) | CMLt | AMLt | information gain | place in bar | lag, ms | CPU s a minute |\n|---|' + '---:|' * 7)
    for name, R in rows.items():
        mean = lambda k, R=R: np.mean([r[k] for r in R if k in r]) if any(k in r for r in R) else np.nan
        med = np.median([r['lag'] for r in R if 'lag' in r])
        print(f'| {name} | {mean("f"):.3f} | {mean("cmlt"):.3f} | {mean("amlt"):.3f} | {mean("gain"):.3f} | {mean("place"):.2f} | {med:.0f} | {mean("cpu"):.2f} |')
