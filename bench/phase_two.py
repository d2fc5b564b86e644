"""Phase 2 of the super editor: which weights of the reward validation finds, with and without the likelihood of phase 1, what the attack makes of the reward, and what PPO wins.

    make bench-phase_two ARGS='--music DIR'

Sessions of one package of finished music, scored by the network of bench/networks that has never seen it. An engineer masters songs of the same package, the chain is learnt
from six such pairs, and what is kept is compared with the finished sound of what the person kept. The posterior is blurred (--noise), else there is nothing left to win.
"""
import argparse, tempfile
from pathlib import Path

import numpy as np
import pointer as bench_pointer
import soundfile as sf

from editorbot.core import write_json
from editorbot.data.labels import edit_labels
from editorbot.edl import Source
from editorbot.simulation.engineers import engineer
from editorbot.simulation.sessions import SessionConfig, find_songs, load_song, render_session, session_seeds
from editorbot.sound.mel import load_track
from editorbot.super_editor.edit_prediction import PPORecipe, beat_track, clone, even_beats, find_weights, improve, judge_reward, keep_f1, mastered_sound, posterior_of, usual
from editorbot.super_editor.levels import band_levels
from editorbot.super_editor.mastering_training import FPS, RATE, fit_chain, pair_of


def chain_of(songs, kind, seed):
    "A person's chain from six pairs."
    who, rng = engineer(kind, seed), np.random.default_rng([seed, 95])
    picks = [songs[i] for i in rng.permutation(len(songs))[:6]]
    x = [load_song(s, RATE, float(rng.uniform(0, max(0., s.duration - 9))), 8.) for s in picks]
    return fit_chain([pair_of(band_levels([y], RATE), band_levels([who.master(y, RATE, i)], RATE)) for i, y in enumerate(x)], 'chain', 60, seed)


def both_tracks(songs, seed, net, chain, noise):
    "A session beat by beat: with the sound of the mel, and with that of phase 1."
    s = render_session(songs, seed, SessionConfig(minutes=(1.5, 2.2), song_seconds=(20, 40), voices='formant', synthetic=0., mono=0.), RATE)
    with tempfile.TemporaryDirectory() as d:
        raw = Path(d)/'raw.wav'
        sf.write(raw, s.raw, RATE)
        track, edl = load_track(raw), s.edl(Source.from_file(raw))
    edges = even_beats(track.mel.shape[1])
    p = posterior_of(track.mel, net)
    slow = np.repeat(np.random.default_rng([seed, 94]).normal(0, noise, len(p) // 64 + 1), 64)[:len(p)]
    p = 1 / (1 + np.exp(-(np.log(np.clip(p, .02, .98) / (1 - np.clip(p, .02, .98))) + slow)))
    labels = edit_labels(edl, np.minimum(edges, len(s.raw) / RATE))
    sound = mastered_sound(chain, band_levels([s.raw], RATE), FPS, edges)
    return beat_track(track.mel, p, edges, labels), beat_track(track.mel, p, edges, labels, sound)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--music', required=True, help='folder with finished music')
    a.add_argument('--networks', default=str(Path(__file__).with_name('networks')))
    a.add_argument('--package', default='warzone2100-music')
    a.add_argument('--sessions', type=int, default=18)
    a.add_argument('--noise', type=float, default=2.5, help='blur of the posterior, in logits')
    a.add_argument('--engineer', default='glue')
    a.add_argument('--rounds', type=int, default=10, help='of PPO')
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('--json', default='outputs/bench/phase_two.json')
    a = a.parse_args()
    songs = [s for s in find_songs(a.music) if s.package == a.package]
    net, chain = bench_pointer.network_of(a.networks, a.package, 0), chain_of(songs, a.engineer, a.seed)
    made = [both_tracks(songs, s, net, chain, a.noise) for s in session_seeds(a.sessions, a.seed)]
    n, out = a.sessions // 3, {}
    for name, k in (('sound of the mel', 0), ('likelihood of phase 1', 1)):
        tracks = [m[k] for m in made]
        fit, valid, test = tracks[:n], tracks[n:2 * n], tracks[2 * n:]
        start = clone(fit, epochs=15)
        f1 = {w: round(judge_reward(valid, usual(fit).replace(sound=w), start, 200)['attack F1'], 3) for w in (0., .03, .1, .3)}
        reward, _ = find_weights(fit, valid, start, rounds=200)
        judged, done = judge_reward(test, reward, start, 300), improve(start, fit, valid, reward, PPORecipe(rounds=a.rounds))
        out[name] = dict(weights={w: getattr(reward, w) for w in ('sound', 'joins', 'ratio')}, validation_by_weight_of_sound=f1, judged={w: round(v, 3) for w, v in judged.items()},
                         cloned=round(keep_f1(start, test), 3), ppo=round(keep_f1(done.net, test), 3), accepted=done.accepted)
        print(name, out[name], flush=True)
    write_json(Path(a.json), out)


if __name__ == '__main__': main()
