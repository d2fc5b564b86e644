"""Phase 2 of the super editor: which weights of the reward validation finds, with and without the likelihood of phase 1, what the attack makes of the reward, and what PPO wins.

    make bench-phase_two ARGS='--music DIR --seed 0 1 2'      with --record also bench/results/phase_two.json

Sessions of one package of finished music, scored by the network of bench/networks that has never seen it. An engineer masters songs of the same package, the chain is learnt
from six such pairs, and what is kept is compared with the finished sound of what the person kept. The posterior is blurred (--noise), else there is nothing left to win.
"""
import argparse, json, tempfile
from pathlib import Path

import numpy as np, torch
import pointer as bench_pointer
import soundfile as sf
from results import record

from editorbot.core import write_json
from editorbot.data.labels import edit_labels
from editorbot.edl import Source
from editorbot.judging.cross_validation import finished
from editorbot.judging.leaderboard import bootstrap
from editorbot.simulation.engineers import engineer
from editorbot.simulation.sessions import SessionConfig, find_songs, load_song, render_session, session_seeds
from editorbot.sound.mel import load_track
from editorbot.super_editor.edit_prediction import PPORecipe, beat_track, clone, even_beats, find_weights, improve, judge_reward, keep_f1, mastered_sound, posterior_of, usual
from editorbot.super_editor.levels import band_levels
from editorbot.super_editor.mastering_training import FPS, RATE, fit_chain, pair_of

REWARDS = ('sound of the mel', 'likelihood of phase 1')   # what the reward's term `sound` sees


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


def one_seed(a, songs, net, seed):
    "Rewards with and without phase 1: weights, what the attack finds, what PPO wins; a third of the sessions each to learn from, to validate on, to judge on."
    chain = chain_of(songs, a.engineer, seed)
    made = [both_tracks(songs, s, net, chain, a.noise) for s in session_seeds(a.sessions, seed)]
    n, out = a.sessions // 3, {}
    for k, name in enumerate(REWARDS):
        tracks = [m[k] for m in made]
        fit, valid, test = tracks[:n], tracks[n:2 * n], tracks[2 * n:]
        start = clone(fit, epochs=15, seed=seed)
        f1 = {w: judge_reward(valid, usual(fit).replace(sound=w), start, 200)['attack F1'] for w in (0., .03, .1, .3)}
        reward, _ = find_weights(fit, valid, start, rounds=200)
        done = improve(start, fit, valid, reward, PPORecipe(rounds=a.rounds), seed)
        judged = [judge_reward([t], reward, start, 300) | {'shipped F1': keep_f1(done.net, [t])} for t in test]
        out[name] = dict(weights={w: getattr(reward, w) for w in ('sound', 'joins', 'ratio')}, validation_by_weight_of_sound=f1, judged=judged, curve=done.log,
                         validation=(done.start, done.end), accepted=done.accepted)
        means = {w: round(float(np.mean([j[w] for j in judged])), 3) for w in judged[0]}
        print(f'seed {seed}, {name}: weights {out[name]["weights"]}; {means}; validation {done.start:.3f} -> {done.end:.3f}, {"accepted" if done.accepted else "refused"}', flush=True)
    return out


def claims(seeds):
    "What bench/results/phase_two.json says; intervals go over recordings of all seeds."
    out = []
    for name in REWARDS:
        runs = [x[name] for x in seeds.values()]
        rows = [j for x in runs for j in x['judged']]
        def claim(what, values, aim=None, beside=None, name=name):
            m, lo, hi = bootstrap(values)
            out.append(dict(claim=f'{name}: {what}', value=m, interval=[lo, hi], aim=aim, beside=beside))
        col = lambda k, rows=rows: np.array([r[k] for r in rows])
        claim('keep F1, cloned', col('cloned F1'))
        claim('keep F1, after PPO (its start, where PPO is refused)', col('shipped F1'), beside=f"accepted with {sum(x['accepted'] for x in runs)} of {len(runs)} seeds")
        claim('keep F1, after PPO less cloned', col('shipped F1') - col('cloned F1'), '>= 0')
        claim('keep F1 of the optimum that the attack found', col('attack F1'))
        claim('keep F1 of that optimum less cloned', col('attack F1') - col('cloned F1'), '>= 0')
        claim('reward of that optimum less that of the true edit', col('attack') - col('true'), beside=', '.join(f'{k} {col(k).mean():.2f}' for k in ('true', 'cloned', 'random', 'keep all')))
    a, b = (np.array([j[k] for x in seeds.values() for j in x[n]['judged']]) for n, k in ((REWARDS[1], 'attack F1'), (REWARDS[0], 'attack F1')))
    m, lo, hi = bootstrap(a - b)
    return [*out, dict(claim=f'{REWARDS[1]} less {REWARDS[0]}: keep F1 of the attacked optimum', value=m, interval=[lo, hi], aim='> 0')]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('--music', required=True, help='folder with finished music')
    a.add_argument('--networks', default=str(Path(__file__).with_name('networks')))
    a.add_argument('--package', default='warzone2100-music')
    a.add_argument('--sessions', type=int, default=18)
    a.add_argument('--noise', type=float, default=2.5, help='blur of the posterior, in logits')
    a.add_argument('--engineer', default='glue')
    a.add_argument('--rounds', type=int, default=10, help='of PPO')
    a.add_argument('--seed', type=int, nargs='+', default=[0], help='of sessions, engineer and weights; finished ones are only read')
    a.add_argument('--out', default='outputs/bench/phase_two', help='folder for results')
    a.add_argument('--record', action='store_true', help='write bench/results/phase_two.json')
    a = a.parse_args()
    torch.set_num_threads(1)
    songs = [s for s in find_songs(a.music) if s.package == a.package]
    net = bench_pointer.network_of(a.networks, a.package, 0)
    seeds = {s: finished(Path(a.out)/f'seed{s}-rounds{a.rounds}.json', one_seed, a, songs, net, s) for s in a.seed}
    for c in claims(seeds): print(c['claim'], c['value'], c['interval'], c['beside'] if 'beside' in c else '')
    if a.record:
        path = record('phase_two', 'super_editor', f'Phase 2: labels improved by PPO, {a.sessions // 3} recordings to judge on with each of {len(seeds)} seeds',
                      f"make bench-phase_two ARGS='--music DIR --sessions {a.sessions} --rounds {a.rounds} --seed {' '.join(map(str, a.seed))} --record'", claims(seeds),
                      f'Sessions of {a.package}, scored by the network that has never heard it; its posterior is blurred by {a.noise} logits, else nothing is left to win. Weights of the reward are those whose attacked '
                      f'optimum keeps most on {a.sessions // 3} validation recordings; they accept or refuse PPO, too. Intervals are bootstrapped over the recordings to judge on.')
        curves = {name: [[[round(v, 4) for v in step] for step in x[name]['curve']] for x in seeds.values()] for name in REWARDS}
        weights = {name: [x[name]['weights'] for x in seeds.values()] for name in REWARDS}
        write_json(path, json.loads(path.read_text(encoding='utf-8')) | dict(curves=curves, weights=weights))


if __name__ == '__main__': main()
