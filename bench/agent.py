"""How well the agent edits music from packages that were held out of training: every package is left out in turn.

    make bench-agent ARGS='--music DIR'                   all rows, the table, and bench/results/agent.json with --record
    python bench/agent.py --music DIR --only NAME --rows d distance    some folds, some rows; finished ones are only read

Sessions are made out of DIR (a folder for each package), --sessions of each package and of the synthetic band. What the agent is told of a recording by the pointer network comes from the fold network
of bench/networks that never saw its package.
"""
import argparse, functools, json, time
from pathlib import Path
from types import SimpleNamespace

import numpy as np, torch
from safetensors.torch import load_file, save_file
from pointer import network_of
from results import record

from editorbot.agent.actions import edit_order
from editorbot.agent.behavioural_cloning import SOUND, CloneRecipe, Lesson, beat_distribution, clone, decode, edl_of_frames, frames_of, lesson_of, type_scores
from editorbot.agent.editor import Study, decoder_reward, posterior_of, rare_study, school, tune_decoder
from editorbot.agent.environment import Finished, recordings_of
from editorbot.agent.negative_results import clone_plain, kept_reward, walk_plain
from editorbot.agent.offline import awr
from editorbot.agent.policy import Hearing, Policy, PolicyConfig, beat_frames, beat_means, beat_peaks, beat_traits, load_policy, path_counts, path_moved, save_policy, view_of, walk
from editorbot.agent.ppo import PPOConfig, improve
from editorbot.agent.rewards import TERMS, anneal, count_f1, distance, keep_f1, seeds_reward, starts_of
from editorbot.core import HOP, SR, atomic_path, write_json
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
PPO, PPO_DECODED = ('BC d + PPO, true distance, no anchor, ' + how for how in ('walk', 'decoder'))   # the anchor was chosen on sessions put aside
REWARDS = [f'BC d + PPO, {x}, walk' for x in ('true distance', 'true distance, cloning goes on', 'posterior', 'posterior, no anchor', 'keep F1, no anchor', 'older terms, no anchor')]
PAIRS = [(PPO, 'BC d, walk'), *((x, 'BC d, walk') for x in REWARDS), ('BC d, decoder', 'BC d, walk'), ('BC d, decoder', 'pointer'), (PPO, 'pointer'), (PPO_DECODED, 'BC d, decoder'), (PPO_DECODED, 'pointer'), ('AWR d, walk', 'BC d, walk'), ('AWR d, decoder', 'BC d, decoder')]
AIMS = {('BC d, decoder', 'keep_f1'): '>= .935', ('BC d, decoder', 'boundary_f1_3'): '>= .90', (PPO, 'keep_f1'): '>= .95 as a greedy walk', (PPO_DECODED, 'keep_f1'): '>= .95 as the agent edits',
        (PPO, 'BC d, walk', 'keep_f1'): 'interval above 0', (PPO, 'BC d, walk', 'count_f1'): '>= 0', (PPO, 'pointer', 'keep_f1'): '>= -.015', **{(x, 'BC d, walk', 'count_f1'): '>= 0' for x in REWARDS[:3]}}
COLUMNS = dict(keep_f1='keep F1', boundary_f1_3='boundary F1, 3 s', boundary_f1_05='boundary F1, .5 s', count_f1='play-count F1')
CURVES = ('episode_reward', 'valid', 'bc_kl', 'entropy', 'n_keep_ratio')   # of PPO, in the checkpoints


def scored_by(net, e):
    "What a network says about the beats of an example, and its path."
    s = score_recording(net, unpack_mel(e.mel), e.repeats.astype(np.float32))
    spans, kind = beat_frames(e.edges, s.frames), np.repeat(s.kind, POOL, 0)[:s.frames].T
    return dict(plays=beat_means(s.logits('plays'), spans), onset=beat_peaks(s.logits('onset'), spans), offset=beat_peaks(s.logits('offset'), spans), kind=beat_means(kind, spans),
                traits=beat_traits(unpack_mel(e.mel), spans), pieces=np.array([(p.start, p.end, p.times) for p in decode_edit(s)[0]], np.int64).reshape(-1, 3))


def make(a):
    "The sessions of all packages, each with what the network says that never saw its package; finished ones are only read."
    songs = find_songs(a.music)
    packages = sorted({s.package for s in songs})
    net_of = functools.cache(lambda p: load_pointer(None, 'cpu')[0] if p == 'synthetic' else network_of(HERE/'networks', p, 0))
    for k, seed in enumerate(session_seeds(a.sessions + a.more, 17)):
        for p in sorted({*packages, 'synthetic'}):
            path, mine = Path(a.cache)/f'{p}-{k:02}.npz', [s for s in songs if s.package == p]
            if path.exists() and not (a.ship and a.view == 'e' and 'traits' not in np.load(path).files): continue
            e = session_example(render_session(mine, seed, CONFIG, SR) if mine else band_session(seed, CONFIG), features='enhanced')
            loud = Loudness().regions(SimpleNamespace(mel=unpack_mel(e.mel))).regions
            with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez(f, edges=e.edges, features=e.features, true=e.regions, loudness=loud, frames=e.frames, package=p, **scored_by(net_of(p), e))
    return packages


def make_rare(a):
    "Recordings with faults that rare types mend, as material; the shipped network listens."
    net, out = None, []
    for k in range(a.rare + a.fresh):
        path = Path(a.cache)/'rare'/f'{k:02}.npz'
        if not path.exists():
            net = net or load_pointer(None, 'cpu')[0]
            x = rare_study(k, net)
            with atomic_path(path) as tmp, open(tmp, 'wb') as f:
                np.savez(f, edges=x.edges, features=x.features, counts=x.counts, **{f'hearing/{n}': v for n, v in x.hearing._asdict().items()}, **{f'lesson/{n}': v for n, v in x.lesson._asdict().items()})
        with np.load(path) as z: out.append(Study(z['edges'], z['features'], Hearing(*(z[f'hearing/{n}'] for n in Hearing._fields)), Lesson(*(z[f'lesson/{n}'] for n in Lesson._fields)), z['counts']))
    return out


def ship(a, sessions):
    "The shipped policy: cloned from packages (each scored by the network that never saw it), the band and rare types; how well types are found in rare recordings that it has not seen; it and the one before on --only."
    rare, path, seen, parts = make_rare(a), Path(a.ship), {}, ([], [])
    held, before = [s for s in sessions if s['package'] in (a.only or ())], load_policy(None)
    for s in sessions:
        if s['package'] in (a.only or ()): continue
        k = seen[str(s['package'])] = seen.get(str(s['package']), 0) + 1
        parts[int(k <= a.valid)].append(s)
    fit, valid = (Side(x, 'd').studies() for x in parts)
    test = rare[len(rare) - max(1, a.rare // 5) - a.fresh:] if rare else []
    fit += rare[:len(rare) - len(test)]
    r, lessons = school(fit, a.view)
    policy = clone(r, lessons, PolicyConfig(a.view, around=8 * (a.view == 'e')), CloneRecipe(steps=a.steps), a.seed[0])
    found = type_table(policy, test) if test else {}
    beats = np.bincount(np.concatenate([x.action[:, 0] for x in lessons]), minlength=20)
    for k, v in found.items(): print(f'{k:12} recall {v[0]:.2f} precision {v[1]:.2f} of {v[2]} beats; {beats[Action[k]]} beats to learn from')
    c = tune_decoder(policy, valid)
    value = decoder_reward(policy, valid)(c)
    print(f'reward of decoded edits, put aside: {value:.3f} of 1.3')
    info = dict(recordings=len(fit), beats=int(beats.sum()), steps=a.steps, seed=a.seed[0], left_out=' '.join(a.only or []), valid_reward=round(value, 4), types={k: [round(float(x), 3) for x in v] for k, v in found.items()})
    save_policy(policy, path, info, decoder=c.to_dict())
    weights = load_file(str(path))
    with atomic_path(path) as tmp: save_file({k: v.half() if v.ndim > 1 else v for k, v in weights.items()}, str(tmp))    # half the size
    claims = [dict(claim=f'{k}: recall, precision', value=f'{v[0]:.2f}, {v[1]:.2f} of {v[2]} beats', aim='>= .8', beside=f'{beats[Action[k]]} beats to learn from') for k, v in found.items()]
    claims += compared(held, dict(this=load_policy(path), before=before)) if held else []
    if a.record and test: record('agent_types', 'agent', f'The types that the agent finds in {len(test)} recordings whose truth has all 20', f"make bench-agent ARGS='--music DIR --ship FILE --view {a.view} --rare {a.rare} --fresh {a.fresh} --steps {a.steps} --only {' '.join(a.only or [])} --record'", claims,
                        f'The likeliest type of each beat against the one that mends it, in recordings made as those that it learnt from, of other songs. Ordinary sessions are {len(held)} of {" ".join(a.only or [])}, of which nothing was learnt.')
    return found


def compared(held, both):
    "Two shipped policies on sessions of packages that neither learnt from, as claims: scores, and beats to whose sound something is done though nothing is wrong."
    sides, out = {k: Side(held, p.config.view) for k, (p, _) in both.items()}, []
    rows = {k: sides[k].decoded(p, True)(Penalties.from_dict(d['decoder'])) for k, (p, d) in both.items()}
    for c, name in COLUMNS.items():
        one, less = bootstrap([x[c] for x in rows['this']]), bootstrap([x[c] - y[c] for x, y in zip(*rows.values())])
        print('{}: {:.3f} ({:.3f} to {:.3f}); this less before {:+.3f} ({:+.3f} to {:+.3f})'.format(name, *one, *less))
        out.append(dict(claim=f'ordinary sessions, decoded: {name}, less the policy before', value=less[0], interval=list(less[1:]), beside=f'{one[0]:.3f} less {one[0] - less[0]:.3f}'))
    for k, (p, _) in both.items():
        kind = np.concatenate([beat_distribution(p, sides[k].r, i).kind.argmax(1).numpy() for i in range(len(held))])
        share = np.bincount(kind, minlength=20) / len(kind)
        print(k, {Action(i).name: round(float(share[i]), 4) for i in np.flatnonzero(share)})
        if k == 'this': out.append(dict(claim='ordinary sessions: beats to whose sound something would be done', value=f'{share[list(SOUND)].sum():.2%}', aim='0 %'))
    return out


def type_table(policy, test):
    "The likeliest type of each beat of rare recordings against the one that mends it."
    r, lessons = school(test, policy.config.view)
    pred = [beat_distribution(policy, r, i).kind.argmax(1).numpy() for i in range(len(test))]
    return type_scores(np.concatenate(pred), np.concatenate([x.action[:, 0] for x in lessons]))


def attack(a, sessions):
    "The optimum of each reward on real sessions, annealed from six starts: is any of them preferred to the true edit, and no edit?"
    side = Side([s for s in sessions if s['package'] != 'synthetic' and int(s['number']) < a.attack], 'd')
    R, plain, claims = range(len(side.sessions)), lambda t: lambda r, f: np.array([t(r, k, c) for k, c in zip(f.rec, f.counts)]), []
    pays = {f'older term: {k}': plain(t) for k, t in TERMS.items()} | {'older terms, mean': seeds_reward, 'keep F1': kept_reward, 'posterior': side.posterior(), 'true distance': distance}
    worth = lambda pay, i, c: float(pay(side.r, Finished(np.zeros(1, int), np.array([i]), c[None].astype(np.uint8), [], np.zeros(1, bool), None))[0])
    for name, pay in pays.items():
        starts, optima, fooled = [starts_of(side.r, i) for i in R], [], []
        spread = np.std([worth(pay, i, c) for i in R for c in starts[i].values()])
        for i in R:
            truth, n = side.r.counts[i].astype(int), int(side.r.n[i])
            found = [anneal(pay, side.r, i, c, a.steps) for c in starts[i].values()]
            score = [[f(c, truth, side.r.seconds[i], n) for f in (keep_f1, count_f1)] for c, _ in found]
            optima.append(score[int(np.argmax([v for _, v in found]))])
            fooled.append(any(v > worth(pay, i, truth) + .1 * spread and min(s) < .85 for (_, v), s in zip(found, score)))
        keep, count = np.mean(optima, 0)
        print(f'{name}: the optimum has keep F1 {keep:.3f}, play-count F1 {count:.3f}; {sum(fooled)} of {len(fooled)} sessions fool it', flush=True)
        claims.append(dict(claim=f'{name}: keep F1, play-count F1 of its optimum', value=f'{keep:.3f}, {count:.3f}', aim='0 fooled' if name == 'true distance' or name == 'posterior' and a.steps >= 5000 else None, beside=f'{sum(fooled)} of {len(fooled)} fooled'))
    if a.record: record('agent_attack', 'agent', f'Rewards and their optima, {len(R)} sessions', f"make bench-agent ARGS='--music DIR --attack {a.attack} --steps {a.steps} --record'", claims,
                        'Annealing from six starts (the truth, everything, nothing, all four times, half, noise). Fooled: an edit is preferred to the true one by more than .1 standard deviations of the reward over the starts, '
                        'and its keep F1 or play-count F1 is below .85. The posterior is that of the network that never saw the package. A search of a few hundred steps stays near its start where a reward is nearly flat: '
                        'of rewards that the truth nearly maximises, such as keep F1 and the posterior, the optimum is not found, and 0 fooled says little.')


def sessions_in(a):
    out = []
    for path in sorted(Path(a.cache).glob('*.npz')):
        if int(path.stem[-2:]) >= a.sessions + a.more: continue
        with np.load(path) as z: out.append({k: z[k] for k in z.files} | dict(number=path.stem[-2:]))
    return out


class Side:
    "Sessions as one side of a fold sees them, in one view."
    def __init__(self, sessions, view):
        self.sessions = sessions
        edges, features, counts, self.lessons, self.hearings = [], [], [], [], []
        for s in sessions:
            T = int(s['frames'])
            spans = beat_frames(s['edges'], T)
            h = Hearing(*(s[k] for k in ('plays', 'onset', 'offset', 'kind')), path_counts(s['pieces'], spans), path_moved(s['pieces'], spans), s.get('traits'))
            self.hearings.append(h); edges.append(s['edges']); features.append(view_of(s['features'], h, view)); counts.append(path_counts(pieces_of(s['true']), spans))
            self.lessons.append(lesson_of(edl_of_frames(s['true'], T), np.minimum(s['edges'], T * HOP / SR)))
        self.r = recordings_of(edges, features, counts)

    def studies(self): return [Study(s['edges'], s['features'], h, x, self.r.counts[i, :self.r.n[i]].astype(int)) for i, (s, h, x) in enumerate(zip(self.sessions, self.hearings, self.lessons))]

    def posterior(self): return posterior_of(self.studies())

    def score(self, i, pieces): return edit_scores(pieces, pieces_of(self.sessions[i]['true']), int(self.sessions[i]['frames']))

    def acted(self, walks): return [self.score(i, frames_of(edit_order(w), s['edges'], int(s['frames']))) for i, (w, s) in enumerate(zip(walks, self.sessions))]

    def walked(self, policy): return self.acted(walk(policy, self.r))

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


REWARDED = {'distance': dict(), 'free': dict(anchor=0.), 'posterior': dict(), 'posterior-free': dict(anchor=0.), 'keep': dict(anchor=0.), 'seeds': dict(anchor=0.), 'mix': dict(anchor=0., mix=.1), 'scratch': dict(anchor=0.)}
NAMES = {'distance': 'true distance', 'free': 'true distance, no anchor', 'posterior': 'posterior', 'posterior-free': 'posterior, no anchor', 'keep': 'keep F1, no anchor', 'seeds': 'older terms, no anchor', 'mix': 'true distance, cloning goes on'}


def fold(hold, seed, a, sessions):
    "One package left out, with one seed: a function that makes some rows, name -> scores, one a session."
    seen, parts = {}, ([], [])
    for s in sessions:
        if s['package'] == hold: continue
        k = seen[str(s['package'])] = seen.get(str(s['package']), 0) + 1
        parts[int(s['package'] != 'synthetic' and k <= a.valid)].append(s)
    folder = Path(a.out)/f'{hold}-seed{seed}'
    side = functools.cache(lambda view: [Side(x, view) for x in (*parts, [s for s in sessions if s['package'] == hold and int(s['number']) < a.sessions])])
    def cloned(view):
        path = folder/f'{view}.safetensors'
        if not path.exists(): save_policy(clone(side(view)[0].r, side(view)[0].lessons, PolicyConfig(view), CloneRecipe(steps=a.steps), seed), path)
        return load_policy(path)[0]
    def untaught():
        torch.manual_seed(seed)
        policy, r = Policy(PolicyConfig('d')), side('d')[0].r
        policy.encoder.norm.update(torch.from_numpy(np.concatenate([x[:n] for x, n in zip(r.features, r.n)])))
        return policy
    def improved(name):
        path = folder/f'ppo-{name}.safetensors'
        if not path.exists():
            train, valid, _ = side('d')
            pay = lambda x: {'posterior': x.posterior(), 'keep': kept_reward, 'seeds': seeds_reward}.get(name.split('-')[0], distance)
            policy, said = improve(untaught() if name == 'scratch' else cloned('d'), train.r, pay(train), PPOConfig(iterations=a.iterations, **REWARDED[name]), seed,
                                   *((None, None) if name in ('keep', 'seeds', 'scratch') else (valid.r, pay(valid))), lessons=train.lessons)
            save_policy(policy, path, dict(said=[{k: round(x[k], 4) for k in CURVES if k in x} for x in said]))
        return load_policy(path)[0]
    def offline():
        path = folder/'awr.safetensors'
        if not path.exists(): save_policy(awr(cloned('d'), side('d')[0].r, side('d')[0].lessons, distance, CloneRecipe(steps=a.steps), seed), path)
        return load_policy(path)[0]
    def both(policy, view, name):
        train, valid, test = side(view)
        return {f'{name}, walk': test.walked(policy), f'{name}, decoder': test.decoded(policy, view != 'b')(tuned(policy, valid, view != 'b'))}
    def ppo(name): return {f'BC d + PPO, {NAMES[name]}, walk': side('d')[2].walked(improved(name))}
    def decoded():
        _, valid, test = side('d')
        policy = improved('free')
        return {PPO_DECODED: test.decoded(policy, True)(tuned(policy, valid, True))}
    def plain():
        test = side('b')[2]
        whole = lambda i: np.array([[0, int(test.sessions[i]['frames']), 1]])
        return {'keep_all': [test.score(i, whole(i)) for i in range(len(test.sessions))], 'loudness': [test.score(i, pieces_of(s['loudness'])) for i, s in enumerate(test.sessions)],
                'pointer': [test.score(i, s['pieces']) for i, s in enumerate(test.sessions)]}
    def features():
        train, _, test = side('b')
        walks = lambda last: walk_plain(clone_plain(train.r, train.lessons, last, 3 * a.steps, seed), test.r)
        return {f'BC on seven beats of features{", and its last action" * last}, walk': test.acted(walks(last)) for last in (False, True)}
    rows = dict(plain=plain, walk=lambda: {'BC d, walk': side('d')[2].walked(cloned('d'))}, **{v: functools.partial(lambda v: both(cloned(v), v, f'BC {v}'), v) for v in 'dcb'}, **{k: functools.partial(ppo, k) for k in NAMES}, decoded=decoded,
                awr=lambda: both(offline(), 'd', 'AWR d'), features=features, scratch=lambda: {'PPO without cloning, true distance, walk': side('d')[2].walked(improved('scratch'))})
    def run(k):
        began = time.process_time()
        out = finished(folder/f'scores-{k}.json', rows[k])
        if time.process_time() - began > 5: print(f'{folder.name} {k}: {time.process_time() - began:.0f} CPU s', flush=True)
        return out
    return run


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


def curves(a, packages):
    "What PPO said after each iteration, mean over folds of the first seed: row -> name -> values."
    out = {}
    for k, name in (NAMES | {'scratch': 'without cloning'}).items():
        paths = [p for q in packages if (p := Path(a.out)/f'{q}-seed{a.seed[0]}/ppo-{k}.safetensors').exists()]
        said = [load_policy(p)[1]['info']['said'] for p in paths]
        if said: out[name] = {c: [round(float(np.mean([f[i][c] for f in said])), 4) for i in range(min(map(len, said))) if all(c in f[i] for f in said)] for c in CURVES}
    return out


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--more', type=int, default=0, help='further sessions of each package and of the band, to learn from only')
    ap.add_argument('--valid', type=int, default=2, help='of them, to tune the decoder and choose among policies of PPO')
    ap.add_argument('--steps', type=int, default=600, help='of cloning')
    ap.add_argument('--iterations', type=int, default=40, help='of PPO')
    ap.add_argument('--seed', nargs='+', type=int, default=[0])
    ap.add_argument('--only', nargs='*', help='packages to leave out; default: each')
    ap.add_argument('--rows', nargs='*', default=['plain', 'd', *NAMES, 'decoded', 'c', 'b', 'awr', 'features', 'scratch'])
    ap.add_argument('--cache', default='outputs/bench/agent/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/agent', help='folder for results')
    ap.add_argument('--rare', type=int, default=40, help='recordings for rare types, of which a fifth test')
    ap.add_argument('--fresh', type=int, default=0, help='further recordings for rare types, which test as well')
    ap.add_argument('--ship', help='a checkpoint to be trained on everything, *.safetensors; no table')
    ap.add_argument('--view', default='e', help='of the policy that --ship trains')
    ap.add_argument('--attack', type=int, help='anneal every reward on so many sessions of each package, --steps each; no table')
    ap.add_argument('--record', nargs='?', const='agent', metavar='NAME', help='write bench/results/NAME.json, agent unless said; of --ship agent_types.json, of --attack agent_attack.json')
    a = ap.parse_args()
    torch.set_num_threads(1)
    packages = make(a)
    sessions = sessions_in(a)
    if a.ship: raise SystemExit(not ship(a, sessions))
    if a.attack: raise SystemExit(attack(a, sessions))
    folds = [(p, fold(p, s, a, sessions), {}) for s in a.seed for p in a.only or packages]
    for k in a.rows:
        for _, run, rows in folds: rows |= run(k)
    results = [(p, rows) for p, _, rows in folds]
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
            if k != 'boundary_f1_05': claims.append(dict(claim=f'{x}, less {y}: {COLUMNS[k]}', value=v[0], interval=list(v[1:]), aim=AIMS.get((x, y, k))))
        given = ' '.join(a.rows)
        path = record(a.record, 'agent', f'The agent on packages held out of training, {n} sessions of {len(packages)} packages, {len(a.seed)} seed{"s" * (len(a.seed) > 1)}',
                      f"make bench-agent ARGS='--music DIR --sessions {a.sessions} --more {a.more} --valid {a.valid} --steps {a.steps} --iterations {a.iterations} --seed {' '.join(map(str, a.seed))} --rows {given} --record{' ' + a.record if a.record != 'agent' else ''}'", claims,
                      'The pointer network that speaks of a recording has never seen its package. The networks that speak of the training recordings have: an agent learns from what they say of other music, '
                      f'never of the test music. {a.steps} steps of cloning, {a.iterations} iterations of PPO; intervals are bootstrapped over sessions, seeds are averaged first. '
                      f'Of each other package and of the band, {a.sessions + a.more} sessions; of those of packages, {a.valid} put aside tune the decoder and choose among policies of PPO.')
        write_json(path, json.loads(path.read_text(encoding='utf-8')) | dict(curves=curves(a, packages)))
