"""super_editor and mel_reconstruction on music from packages that were held out of training, beside the pointer network, BC and the agent on the same sessions.

    make bench-agent ARGS='--music DIR'              first: rows of the others, which are only read here (--agent)
    make bench-super_editor ARGS='--music DIR'       the table, and bench/results/super_editor.json with --record

Every package is left out in turn. What super_editor is told of a recording by the pointer network comes from the network of bench/networks that never heard its package. A quarter of the recordings that
are learnt from is put aside: it finds the weights of the reward and accepts or refuses PPO.
"""
import argparse, functools, json
from pathlib import Path

import numpy as np, torch
from agent import CONFIG, HERE
from pointer import network_of
from results import record

from editorbot.core import SR, atomic_path, write_json
from editorbot.data.examples import Example, session_example, unpack_mel
from editorbot.judging.cross_validation import finished
from editorbot.judging.leaderboard import RANK, board_table, bootstrap, leaderboard
from editorbot.pieces import edit_scores, pieces_of
from editorbot.pointer.baselines import predict
from editorbot.simulation.sessions import find_songs, render_session, session_seeds
from editorbot.super_editor.edit_prediction import PPORecipe, SuperEditor, clone, example_track, find_weights, improve, judge_reward, posterior_of, save_predictor
from editorbot.super_editor.mel_reconstruction import MelReconstructionEditor, fit_editor, save_mel

COLUMNS = ('keep_f1', 'boundary_f1_05', 'boundary_f1_3', 'count_f1')
OTHERS = {'BC d, walk': 'BC', 'BC d, decoder': 'BC, decoder', 'BC d + PPO, true distance, walk': 'agent (PPO)', 'BC d + PPO, true distance, decoder': 'agent (PPO), decoder'}


def make(a):
    "The sessions of bench/agent.py as examples, each with the posterior of the network that never heard its package; finished ones are only read."
    songs, out = find_songs(a.music), []
    net_of = functools.cache(lambda p: network_of(HERE/'networks', p, 0))
    for k, seed in enumerate(session_seeds(a.sessions, 17)):
        for p in sorted({s.package for s in songs}):
            path = Path(a.out)/'sessions'/f'{p}-{k:02}.npz'
            if not path.exists():
                e = session_example(render_session([s for s in songs if s.package == p], seed, CONFIG, SR))
                with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez(f, mel=e.mel, regions=e.regions, kind=e.kind, posterior=posterior_of(unpack_mel(e.mel), net_of(p)))
            with np.load(path) as z: out.append((p, k, Example(z['mel'], z['regions'], z['kind'], np.zeros(0), f'{p}-{k:02}', p), z['posterior']))
    return out


def fold(hold, seed, a, sessions):
    "One package left out: name -> scores, one a session; and what training said."
    fit_, test = [s for s in sessions if s[0] != hold], [s for s in sessions if s[0] == hold]
    folder = Path(a.out)/f'{hold}-seed{seed}'
    tracks = [(k, example_track(e, p)) for _, k, e, p in fit_]
    valid, fit = [t for k, t in tracks if k % 4 == 3], [t for k, t in tracks if k % 4 != 3]
    start = clone(fit, epochs=a.epochs, seed=seed)
    reward, _ = find_weights(fit, valid, start)
    done = improve(start, fit, valid, reward, PPORecipe(rounds=a.rounds), seed)
    attacked = judge_reward([example_track(e, p) for *_, e, p in test], reward, start)
    mel = fit_editor([e for *_, e, _ in fit_], steps=a.steps, seed=seed)
    pointer = network_of(HERE/'networks', hold, 0)
    editors = {'super_editor, cloned': SuperEditor(save_predictor(start, folder/'cloned/best.safetensors').parent, pointer),
               'super_editor': SuperEditor(save_predictor(done.net, folder/'best.safetensors').parent, pointer),
               'mel_reconstruction': MelReconstructionEditor(save_mel(mel, folder/'mel/best.safetensors').parent)}
    rows = {n: [edit_scores(predict(x, unpack_mel(e.mel)), e.pieces(), e.frames) for *_, e, _ in test] for n, x in editors.items()}
    print(f'{hold} seed {seed}: ' + ', '.join(f'{n} {np.mean([r["keep_f1"] for r in x]):.3f}' for n, x in rows.items()) + f'; PPO {"accepted" if done.accepted else "refused"}', flush=True)
    return dict(rows=rows, accepted=done.accepted, curve=done.log, attacked=attacked, weights={w: getattr(reward, w) for w in ('sound', 'joins', 'ratio')})


def others(hold, a, sessions):
    "Rows of bench/agent.py for these sessions, where they lie: the pointer network and editors without training from its sessions, BC and agent from its results."
    out, mine = {'pointer': [], 'loudness': [], 'keep_all': []}, [s for s in sessions if s[0] == hold]
    for p, k, e, _ in mine:
        with np.load(Path(a.agent)/'sessions'/f'{p}-{k:02}.npz') as z:
            if not np.array_equal(z['true'], e.regions): raise SystemExit(f'{p}-{k:02}: bench/agent.py had another session')
            for n, x in (('pointer', z['pieces']), ('loudness', pieces_of(z['loudness'])), ('keep_all', np.array([[0, e.frames, 1]]))): out[n].append(edit_scores(x, e.pieces(), e.frames))
    for path in sorted((Path(a.agent)/f'{hold}-seed0').glob('scores-*.json')):
        said = json.loads(path.read_text(encoding='utf-8'))
        out |= {name: said[n][:len(mine)] for n, name in OTHERS.items() if n in said}
    return out


def rows_of(results):
    "Rows for the leaderboard; seeds are averaged first."
    by = {}
    for hold, rows in results:
        for name, scores in rows.items():
            for i, s in enumerate(scores): by.setdefault((name, f'{hold}-{i:02}'), []).append(s)
    return [dict(editor=n, recording=r) | {k: float(np.mean([s[k] for s in v])) for k in COLUMNS if all(k in s for s in v)} for (n, r), v in by.items()]


def claims(board, rows, packages):
    "What bench/results/super_editor.json says."
    at = {(r['editor'], r['recording']): r for r in rows}
    names = [s.editor for s in board]
    out = [dict(claim=f'{s.editor}: {k}', value=s.scores[c][0], interval=list(s.scores[c][1:])) for s in board for c, k in (('keep_f1', 'keep F1'), ('boundary_f1_3', 'boundary F1, 3 s'), ('count_f1', 'play-count F1'))]
    for other in ('super_editor, cloned', 'pointer', *OTHERS.values()):
        if other not in names: continue
        d = [at['super_editor', r]['keep_f1'] - at[other, r]['keep_f1'] for e, r in at if e == 'super_editor']
        m, lo, hi = bootstrap(d)
        out.append(dict(claim=f'super_editor, less {other}: keep F1', value=m, interval=[lo, hi], aim='>= 0' if 'cloned' in other else None))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package: the first ones of bench/agent.py')
    ap.add_argument('--epochs', type=int, default=20, help='of cloning')
    ap.add_argument('--rounds', type=int, default=10, help='of PPO')
    ap.add_argument('--steps', type=int, default=300, help='of mel_reconstruction')
    ap.add_argument('--seed', nargs='+', type=int, default=[0])
    ap.add_argument('--agent', default='outputs/bench/agent', help='results of bench/agent.py')
    ap.add_argument('--out', default='outputs/bench/super_editor', help='folder for results')
    ap.add_argument('--record', action='store_true', help='write bench/results/super_editor.json')
    a = ap.parse_args()
    torch.set_num_threads(1)
    sessions = make(a)
    packages = list(dict.fromkeys(s[0] for s in sessions))
    folds = [(p, finished(Path(a.out)/f'{p}-seed{s}'/'result.json', fold, p, s, a, sessions)) for s in a.seed for p in packages]
    known = {p: others(p, a, sessions) for p in packages}
    everywhere = set.intersection(*(set(x) for x in known.values()))
    rows = rows_of([(p, x['rows']) for p, x in folds] + [(p, {n: v for n, v in x.items() if n in everywhere}) for p, x in known.items()])
    board = leaderboard(rows, [k for k in COLUMNS if k in rows[0]])
    print(board_table(board))
    f1 = {k: float(np.mean([x['attacked'][k] for _, x in folds])) for k in folds[0][1]['attacked']}
    print('attack', {k: round(v, 3) for k, v in f1.items()}, 'accepted', sum(x['accepted'] for _, x in folds), 'of', len(folds), [x['weights'] for _, x in folds])
    if not a.record: return
    said = claims(board, rows, packages) + [dict(claim='keep F1 of the optimum that the attack on the reward found, beat by beat', value=f1['attack F1'], beside=f"cloned {f1['cloned F1']:.3f}")]
    record('super_editor', 'super_editor', f'Leaderboard: super_editor and mel_reconstruction on packages held out of training, {len(sessions)} sessions of {len(packages)} packages, {len(a.seed)} seed{"s" * (len(a.seed) > 1)}',
           f"make bench-super_editor ARGS='--music DIR --sessions {a.sessions} --epochs {a.epochs} --rounds {a.rounds} --steps {a.steps} --seed {' '.join(map(str, a.seed))} --record'", said,
           f'The first {a.sessions} sessions of each package of bench/agent.py. Order: mean of {", ".join(RANK)}. The posterior comes from the network that never heard the package. PPO was accepted in '
           f"{sum(x['accepted'] for _, x in folds)} of {len(folds)} folds; where it is refused, super_editor is its clone. Intervals are bootstrapped over sessions.")
    path = HERE/'results/super_editor.json'
    write_json(path, json.loads(path.read_text(encoding='utf-8')) | dict(curves={f'{p}': [[round(v, 4) for v in step] for step in x['curve']] for p, x in folds}))


if __name__ == '__main__': main()
