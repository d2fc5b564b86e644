"""How well the agent edits music from packages that were held out of training: every package is left out in turn.

    make bench-agent ARGS='--music DIR'                   all rows, the table, and bench/results/agent.json with --record
    python bench/agent.py --music DIR --only NAME --rows d ppo    some folds, some rows; finished ones are only read

Sessions are made out of DIR (a folder for each package), 12 of each package and 12 of the synthetic band. What the agent is told of a recording by the pointer network comes from the fold network of
bench/networks that never saw its package. --strict asks one network for all recordings instead, the one that never saw the package that is left out: then nothing that the agent reads has seen
the test music, but the training recordings' outputs are those of a network that knows them.
"""
import argparse, time
from pathlib import Path
from types import SimpleNamespace

import numpy as np, torch
from safetensors.torch import load_file, save_file
from pointer import network_of
from results import record

from editorbot.agent.actions import edit_order
from editorbot.agent.behavioural_cloning import CloneRecipe, Lesson, beat_distribution, clone, decode, edl_of_frames, frames_of, lesson_of, type_scores
from editorbot.agent.editor import Study, decoder_reward, posterior_of, rare_study, school, tune_decoder
from editorbot.agent.environment import recordings_of
from editorbot.agent.offline import awr
from editorbot.agent.policy import Hearing, PolicyConfig, beat_frames, beat_means, beat_peaks, load_policy, path_counts, path_moved, save_policy, view_of, walk
from editorbot.agent.ppo import PPOConfig, improve
from editorbot.agent.rewards import distance
from editorbot.core import HOP, SR, atomic_path
from editorbot.data.labels import Action
from editorbot.data.examples import band_session, session_example, unpack_mel
from editorbot.editors.editor import Loudness
from editorbot.judging.cross_validation import finished
from editorbot.judging.leaderboard import bootstrap
from editorbot.nn.lattice import Penalties
from editorbot.pieces import POOL, coordinate_search, edit_scores, pieces_of
from editorbot.pointer.pointer_network import decode_edit, load_pointer, score_recording
from editorbot.pointer.pointer_training import RICH
from editorbot.simulation.sessions import find_songs, render_session, session_seeds

CONFIG = RICH.replace(minutes=(3., 5.), song_seconds=(30., 120.), voices='formant')
HERE = Path(__file__).parent
PPO = 'BC d + PPO, true distance, walk'
PAIRS = [(PPO, 'BC d, walk'), ('BC d + PPO, posterior, walk', 'BC d, walk'), ('BC d, decoder', 'BC d, walk'), ('BC d, decoder', 'pointer'), (PPO, 'pointer'), ('AWR d, walk', 'BC d, walk')]
AIMS = {('BC d, decoder', 'keep_f1'): '>= .935', ('BC d, decoder', 'boundary_f1_3'): '>= .90', (PPO, 'keep_f1'): '>= .95'}
COLUMNS = dict(keep_f1='keep F1', boundary_f1_3='boundary F1, 3 s', boundary_f1_05='boundary F1, .5 s', count_f1='play-count F1')
VALID = 2                                    # sessions of each package that tune the decoder and choose among PPO's policies


def scored_by(nets, e):
    "What several networks say about the beats of an example, and their paths."
    out, mel = {}, unpack_mel(e.mel)
    for name, net in nets.items():
        s = score_recording(net, mel, e.repeats.astype(np.float32))
        spans, kind = beat_frames(e.edges, s.frames), np.repeat(s.kind, POOL, 0)[:s.frames].T
        out |= {f'{name}/plays': beat_means(s.logits('plays'), spans), f'{name}/onset': beat_peaks(s.logits('onset'), spans), f'{name}/offset': beat_peaks(s.logits('offset'), spans),
                f'{name}/kind': beat_means(kind, spans), f'{name}/pieces': np.array([(p.start, p.end, p.times) for p in decode_edit(s)[0]], np.int64).reshape(-1, 3)}
    return out


def make(a):
    "The sessions of all packages, and what each network says about them; finished ones are only read."
    songs = find_songs(a.music)
    packages, nets = sorted({s.package for s in songs}), {}
    for p in [*packages, 'synthetic']:
        for k, seed in enumerate(session_seeds(a.sessions, 17)):
            path = Path(a.cache)/f'{p}-{k:02}.npz'
            if path.exists(): continue
            nets = nets or {q: network_of(HERE/'networks', q, 0) for q in packages} | {'shipped': load_pointer(None, 'cpu')[0]}
            session = band_session(seed, CONFIG) if p == 'synthetic' else render_session([s for s in songs if s.package == p], seed, CONFIG, SR)
            e = session_example(session, features='enhanced')
            loud = Loudness().regions(SimpleNamespace(mel=unpack_mel(e.mel))).regions
            with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez(f, edges=e.edges, features=e.features, true=e.regions, loudness=loud, frames=e.frames, package=p, **scored_by(nets, e))
    return packages


def make_rare(a):
    "Recordings with faults that rare types mend, as material; the shipped network listens."
    net, out = None, []
    for k in range(a.rare):
        path = Path(a.cache)/'rare'/f'{k:02}.npz'
        if not path.exists():
            net = net or load_pointer(None, 'cpu')[0]
            x = rare_study(k, net)
            with atomic_path(path) as tmp, open(tmp, 'wb') as f:
                np.savez(f, edges=x.edges, features=x.features, counts=x.counts, **{f'hearing/{n}': v for n, v in x.hearing._asdict().items()}, **{f'lesson/{n}': v for n, v in x.lesson._asdict().items()})
        with np.load(path) as z: out.append(Study(z['edges'], z['features'], Hearing(*(z[f'hearing/{n}'] for n in Hearing._fields)), Lesson(*(z[f'lesson/{n}'] for n in Lesson._fields)), z['counts']))
    return out


def ship(a, sessions):
    "The shipped policy: cloned from all packages (each scored by the network that never saw it), the band and rare types; and how well types are found in rare recordings that it has not seen."
    rare, path, seen, parts = make_rare(a), Path(a.ship), {}, ([], [])
    for s in sessions:
        k = seen[str(s['package'])] = seen.get(str(s['package']), 0) + 1
        parts[int(k <= VALID)].append(s)
    fit, valid = (Side(x, 'd', lambda s: 'shipped' if s['package'] == 'synthetic' else str(s['package'])).studies() for x in parts)
    test = rare[-a.rare // 4:]
    fit += rare[:-len(test)]
    r, lessons = school(fit)
    policy = clone(r, lessons, PolicyConfig('d'), CloneRecipe(steps=a.steps), a.seed[0])
    found = type_table(policy, test)
    beats = np.bincount(np.concatenate([x.action[:, 0] for x in lessons]), minlength=20)
    for k, v in found.items(): print(f'{k:12} recall {v[0]:.2f} precision {v[1]:.2f} of {v[2]} beats; {beats[Action[k]]} beats to learn from')
    c = tune_decoder(policy, valid)
    value = decoder_reward(policy, valid)(c)
    print(f'reward of decoded edits, put aside: {value:.3f} of 1.3')
    info = dict(recordings=len(fit), beats=int(beats.sum()), steps=a.steps, seed=a.seed[0], valid_reward=round(value, 4), types={k: [round(float(x), 3) for x in v] for k, v in found.items()})
    save_policy(policy, path, info, decoder=c.to_dict())
    weights = load_file(str(path))
    with atomic_path(path) as tmp: save_file({k: v.half() if v.ndim > 1 else v for k, v in weights.items()}, str(tmp))    # half the size
    return found


def type_table(policy, test):
    "The likeliest type of each beat of rare recordings against the one that mends it."
    r, lessons = school(test)
    pred = [beat_distribution(policy, r, i).kind.argmax(1).numpy() for i in range(len(test))]
    return type_scores(np.concatenate(pred), np.concatenate([x.action[:, 0] for x in lessons]))


def sessions_in(a):
    out = []
    for path in sorted(Path(a.cache).glob('*.npz')):
        with np.load(path) as z: out.append({k: z[k] for k in z.files})
    return out


class Side:
    "Sessions as one side of a fold sees them, in one view."
    def __init__(self, sessions, view, net):
        self.sessions, self.nets = sessions, [net(s) for s in sessions]
        edges, features, counts, self.lessons, self.hearings = [], [], [], [], []
        for s, n in zip(sessions, self.nets):
            T = int(s['frames'])
            spans = beat_frames(s['edges'], T)
            h = Hearing(*(s[f'{n}/{k}'] for k in ('plays', 'onset', 'offset', 'kind')), path_counts(s[f'{n}/pieces'], spans), path_moved(s[f'{n}/pieces'], spans))
            self.hearings.append(h); edges.append(s['edges']); features.append(view_of(s['features'], h, view)); counts.append(path_counts(pieces_of(s['true']), spans))
            self.lessons.append(lesson_of(edl_of_frames(s['true'], T), np.minimum(s['edges'], T * HOP / SR)))
        self.r = recordings_of(edges, features, counts)

    def studies(self): return [Study(s['edges'], s['features'], h, x, self.r.counts[i, :self.r.n[i]].astype(int)) for i, (s, h, x) in enumerate(zip(self.sessions, self.hearings, self.lessons))]

    def posterior(self): return posterior_of(self.studies())

    def score(self, i, pieces): return edit_scores(pieces, pieces_of(self.sessions[i]['true']), int(self.sessions[i]['frames']))

    def walked(self, policy): return [self.score(i, frames_of(edit_order(w), s['edges'], int(s['frames']))) for i, (w, s) in enumerate(zip(walk(policy, self.r), self.sessions))]

    def decoded(self, policy, edges):
        "Scores of decoded edits as a function of the penalties."
        with torch.no_grad(): encoded = policy.eval().encode(self.r)
        d = [beat_distribution(policy, self.r, i, encoded) for i in range(len(self.sessions))]
        edge = [(h.onset, h.offset) if edges else None for h in self.hearings]
        return lambda c: [self.score(i, frames_of(decode(d[i], self.r.seconds[i, :self.r.n[i]], edge[i], c), s['edges'], int(s['frames']))) for i, s in enumerate(self.sessions)]


def tuned(policy, valid, edges):
    "Penalties with the best scores on sessions that nothing was learnt from."
    scores = valid.decoded(policy, edges)
    value = lambda c: float(np.mean([r[k] for r in scores(c) for k in ('keep_f1', 'boundary_f1_3', 'count_f1')]))
    return coordinate_search(Penalties(cost=2., boundary=.3), dict(cost=(1., 2., 4., 6.), boundary=(0., .3, 1.), min_keep=(2., 4.), bias=(-.5, 0., .5)), value)


def fold(hold, seed, a, sessions):
    "One package left out, with one seed: name of a row -> scores, one a session."
    net = (lambda s: hold) if a.strict else (lambda s: 'shipped' if s['package'] == 'synthetic' else str(s['package']))
    others = [s for s in sessions if s['package'] != hold]
    seen, parts = {}, ([], [])
    for s in others:
        k = seen[str(s['package'])] = seen.get(str(s['package']), 0) + 1
        parts[int(s['package'] != 'synthetic' and k <= VALID)].append(s)
    sides, folder = {}, Path(a.out)/f'{hold}-seed{seed}{"-strict" * a.strict}'
    def side(view):
        if view not in sides: sides[view] = [Side(x, view, net) for x in (*parts, [s for s in sessions if s['package'] == hold])]
        return sides[view]
    def cloned(view):
        path = folder/f'{view}.safetensors'
        if not path.exists(): save_policy(clone(side(view)[0].r, side(view)[0].lessons, PolicyConfig(view), CloneRecipe(steps=a.steps), seed), path)
        return load_policy(path)[0]
    def improved(reward):
        path = folder/f'ppo-{reward}.safetensors'
        if not path.exists():
            train, valid, _ = side('d')
            pay = lambda x: distance if reward == 'distance' else x.posterior()
            policy, said = improve(cloned('d'), train.r, pay(train), PPOConfig(iterations=a.iterations), seed, valid.r, pay(valid))
            save_policy(policy, path, dict(said=said[::5]))
        return load_policy(path)[0]
    def offline():
        path = folder/'awr.safetensors'
        if not path.exists(): save_policy(awr(cloned('d'), side('d')[0].r, side('d')[0].lessons, distance, CloneRecipe(steps=a.steps), seed), path)
        return load_policy(path)[0]
    def both(policy, view, name):
        train, valid, test = side(view)
        return {f'{name}, walk': test.walked(policy), f'{name}, decoder': test.decoded(policy, view != 'b')(tuned(policy, valid, view != 'b'))}
    def plain():
        test = side('b')[2]
        whole = lambda i: np.array([[0, int(test.sessions[i]['frames']), 1]])
        return {'keep_all': [test.score(i, whole(i)) for i in range(len(test.sessions))], 'loudness': [test.score(i, pieces_of(s['loudness'])) for i, s in enumerate(test.sessions)],
                'pointer': [test.score(i, s[f'{hold}/pieces']) for i, s in enumerate(test.sessions)]}
    rows = dict(plain=plain, d=lambda: both(cloned('d'), 'd', 'BC d'), ppo=lambda: both(improved('distance'), 'd', 'BC d + PPO, true distance'),
                c=lambda: both(cloned('c'), 'c', 'BC c'), b=lambda: both(cloned('b'), 'b', 'BC b'), posterior=lambda: both(improved('posterior'), 'd', 'BC d + PPO, posterior'),
                awr=lambda: both(offline(), 'd', 'AWR d'))
    out = {}
    for k in a.rows:
        began = time.process_time()
        out |= finished(folder/f'scores-{k}.json', rows[k])
        if time.process_time() - began > 5: print(f'{folder.name} {k}: {time.process_time() - began:.0f} CPU s', flush=True)
    return out


def paired(results, one, other, key):
    "Mean difference over sessions, with its interval; seeds are averaged first."
    by = {}
    for hold, rows in results:
        if one in rows and other in rows:
            for i, (x, y) in enumerate(zip(rows[one], rows[other])): by.setdefault((hold, i), []).append(x[key] - y[key])
    return bootstrap([np.mean(v) for v in by.values()]) if by else None


def means(results, name, key):
    by = {}
    for hold, rows in results:
        for i, x in enumerate(rows.get(name, [])): by.setdefault((hold, i), []).append(x[key])
    return bootstrap([np.mean(v) for v in by.values()])


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--steps', type=int, default=300, help='of cloning')
    ap.add_argument('--iterations', type=int, default=40, help='of PPO')
    ap.add_argument('--seed', nargs='+', type=int, default=[0])
    ap.add_argument('--only', nargs='*', help='packages to leave out; default: each')
    ap.add_argument('--rows', nargs='*', default=['plain', 'd', 'ppo', 'c', 'b', 'posterior', 'awr'])
    ap.add_argument('--strict', action='store_true', help='one network for all recordings of a fold')
    ap.add_argument('--cache', default='outputs/bench/agent/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/agent', help='folder for results')
    ap.add_argument('--rare', type=int, default=40, help='recordings for rare types, of which a quarter test')
    ap.add_argument('--ship', help='a checkpoint to be trained on everything, *.safetensors; no table')
    ap.add_argument('--record', action='store_true', help='write bench/results/agent.json')
    a = ap.parse_args()
    torch.set_num_threads(1)
    packages = make(a)
    sessions = sessions_in(a)
    if a.ship: raise SystemExit(not ship(a, sessions))
    results = [(p, fold(p, s, a, sessions)) for s in a.seed for p in a.only or packages]
    names = list(dict.fromkeys(k for _, rows in results for k in rows))
    print('| editor | ' + ' | '.join(COLUMNS.values()) + ' |\n|---|' + '---:|' * len(COLUMNS))
    for n in names: print(f'| {n} | ' + ' | '.join('{:.3f} ({:.3f} to {:.3f})'.format(*means(results, n, k)) for k in COLUMNS) + ' |')
    shown = [(x, y, k, paired(results, x, y, k)) for x, y in PAIRS for k in COLUMNS]
    shown = [(x, y, k, v) for x, y, k, v in shown if v is not None]
    for x, y, k, v in shown: print(f'{x} less {y}, {COLUMNS[k]}: {v[0]:+.3f} ({v[1]:+.3f} to {v[2]:+.3f})')
    if a.record:
        n, claims = len({(p, i) for p, rows in results for i in range(len(rows['pointer']))}), []
        for name in names:
            for k in ('keep_f1', 'boundary_f1_3', 'count_f1'):
                v, base = means(results, name, k), means(results, 'pointer', k)
                claims.append(dict(claim=f'{name}: {COLUMNS[k]}', value=v[0], interval=list(v[1:]), aim=AIMS.get((name, k)), beside=f'pointer {base[0]:.3f}'))
        for x, y, k, v in shown:
            if k != 'boundary_f1_05': claims.append(dict(claim=f'{x}, less {y}: {COLUMNS[k]}', value=v[0], interval=list(v[1:])))
        record('agent', 'agent', f'The agent on packages held out of training, {n} sessions of {len(packages)} packages, {len(a.seed)} seed{"s" * (len(a.seed) > 1)}',
               "make bench-agent ARGS='--music DIR --record'", claims,
               'The pointer network that speaks of a recording has never seen its package. The networks that speak of the training recordings have: an agent learns from what they say of other music, never of the test music. '
               f'{a.steps} steps of cloning, {a.iterations} iterations of PPO; intervals are bootstrapped over sessions.')
