"""What comparisons are worth to the agent: simulated raters compare edits, and its policy learns by DPO, or by PPO on a reward model.

    make bench-feedback_agent ARGS='--music DIR --agents DIR'    DIR: where bench/agent.py keeps its clones, PACKAGE-seed0/d.safetensors each;
                                                                         finished rows are only read

**The raters are simulated**, as in bench/feedback.py, and so are recordings, pools, questions and noise: its table stands beside this one. Every package is left out in turn. The clone has never heard it, nor has the
network that tells the agent about a recording; the answers are about the other four packages. Results go to outputs/bench/feedback/ and bench/results/feedback_agent.json.
"""
import argparse, functools, json, time
from pathlib import Path

import numpy as np, torch

import feedback as F
import results
from editorbot.agent.actions import edit_order
from editorbot.agent.behavioural_cloning import beat_distribution, decode, frames_of
from editorbot.agent.environment import recordings_of
from editorbot.agent.policy import Hearing, beat_frames, hear, load_policy, path_counts, view_of, walk
from editorbot.agent.ppo import PPOConfig, improve
from editorbot.core import SR, atomic_path, write_json
from editorbot.data.examples import session_example
from editorbot.feedback.agent_preferences import PreferenceConfig, learned_reward, prefer, walk_of, walks_along
from editorbot.feedback.dpo import imagined
from editorbot.feedback.edit_features import scored
from editorbot.feedback.raters import DISTANT, NEAR, Comparison, SimulatedRater, compare, truth_of
from editorbot.feedback.reward_model import train_reward
from editorbot.judging.leaderboard import bootstrap
from editorbot.nn.lattice import Penalties
from editorbot.pieces import pieces_of
from editorbot.pointer.pointer_network import decode_edit
from editorbot.pointer.pointer_training import RICH, score_example
from editorbot.simulation.sessions import find_songs, render_session, session_seeds


def make(a):
    "The recordings of bench/feedback.py, and their beats: edges, features, what the network says that never saw the package."
    songs = find_songs(a.music)
    net = functools.cache(lambda p: F.bench_pointer.network_of(a.networks, p, 0))
    for i, seed in enumerate(session_seeds(a.sessions, 2)):
        for p in sorted({s.package for s in songs}):
            paths = [Path(a.out)/k/f'{p}-{i}.npz' for k in ('scored', 'beats')]
            if all(x.exists() for x in paths): continue
            for x in paths: x.parent.mkdir(parents=True, exist_ok=True)
            e = session_example(render_session([s for s in songs if s.package == p], seed, RICH, SR), features='enhanced')
            s = score_example(net(p), e)
            F.save_recording(paths[0], scored(s, f'{p}-{i}'), truth_of(e, DISTANT))
            h = hear(s, np.array([(x.start, x.end, x.times) for x in decode_edit(s)[0]], np.int64).reshape(-1, 3), e.edges)
            with atomic_path(paths[1]) as tmp, open(tmp, 'wb') as f:
                np.savez_compressed(f, edges=e.edges, features=e.features.astype(np.float32), regions=e.regions, **{f'h/{k}': v for k, v in h._asdict().items() if v is not None})


class Beats:
    "Recordings on their beats, with pools of edits as walks."
    def __init__(self, rehearsals, folder):
        self.rehearsals, views, counts, self.edges, self.hearings = rehearsals, [], [], [], []
        for h in rehearsals:
            with np.load(Path(folder)/f'{h.package}-{h.number}.npz') as z:
                x = Hearing(*(z[f'h/{k}'] if f'h/{k}' in z else None for k in Hearing._fields))
                self.edges.append(z['edges']); self.hearings.append(x); views.append(view_of(z['features'], x, 'd'))
                counts.append(path_counts(pieces_of(z['regions']), beat_frames(z['edges'], h.r.frames)))
        self.r = recordings_of(self.edges, views, counts)

    @functools.cached_property
    def walks(self):
        some = [(i, walk_of(path_counts(x, beat_frames(self.edges[i], h.r.frames)))) for i, h in enumerate(self.rehearsals) for x in h.both]
        return walks_along(self.r, np.array([i for i, _ in some]), [x for _, x in some])

    def on_walks(self, answers, shift=0):
        "Answers about pools as answers about walks; shift: 1 for edits nearby."
        first = np.cumsum([0, *(len(h.both) for h in self.rehearsals)])
        at = lambda i, k: int(first[i] + k + shift * self.rehearsals[i].n)
        return [Comparison(c.rec, at(c.rec, c.a), at(c.rec, c.b), c.said) for c in answers]

    def frames(self, i, pieces): return frames_of(pieces, self.edges[i], self.rehearsals[i].r.frames)

    def decoded(self, policy, c):
        "Edits that the exact decoder makes of a policy."
        with torch.no_grad(): encoded = policy.eval().encode(self.r)
        d = [beat_distribution(policy, self.r, i, encoded) for i in range(len(self.rehearsals))]
        return [self.frames(i, decode(x, self.r.seconds[i, :self.r.n[i]], (h.onset, h.offset), c)) for i, (x, h) in enumerate(zip(d, self.hearings))]

    def walked(self, policy): return [self.frames(i, edit_order(w)) for i, w in enumerate(walk(policy, self.r))]


DREAMS = 300         # imagined answers that DPO learns from: more cost more, and say the same
CLONE, DPO, IMAGINED, BY_PPO = 'the clone', 'DPO on the answers', 'DPO on what the reward model says', 'PPO on the reward model'
SHORT_PPO = PPOConfig(iterations=12, episodes=32, steps=128, minibatch=512, lr=1e-3, warmup=2, anchor=.05, target_kl=.05)


def beats_own(h, taste, pieces, own):
    "Does an edit win against the clone's?"
    d = np.subtract(*(F.utility(taste, h.t, x) if len(x) else -99. for x in (pieces, own)))
    return .5 if abs(d) < .02 * h.spread(taste) else float(d > 0)


def learnt(fold, taste, n, seed, ways):
    "A row: what n answers of a simulated rater are worth to the agent, in each of some ways."
    train, test, policy, c, own = fold
    heard, rater = train.rehearsals, SimulatedRater(taste, seed=seed)
    answers = compare(rater, [h.u[taste][:h.n] for h in heard], n)
    model, rng = train_reward([h.X[:h.n] for h in heard], answers, seed=seed), np.random.default_rng([seed, 67])
    dreams = imagined(model, [h.X[h.n:] for h in heard], seed=seed)
    some = [dreams[k] for k in rng.permutation(len(dreams))[:DREAMS]]
    make = {DPO: lambda: prefer(policy, train.r, train.walks, train.on_walks(answers), PreferenceConfig(), seed)[0],
            IMAGINED: lambda: prefer(policy, train.r, train.walks, train.on_walks(some, 1), PreferenceConfig(), seed)[0],
            BY_PPO: lambda: improve(policy, train.r, learned_reward(model, [h.r for h in heard]), SHORT_PPO, seed)[0]}
    rows, walked = {}, test.walked(policy)
    for k in (CLONE, *ways):
        new = policy if k == CLONE else make[k]()
        edits, steps = (own, walked) if k == CLONE else (test.decoded(new, c), test.walked(new))
        rows[k] = [h.judged(taste, x) | dict(own=beats_own(h, taste, x, y), walk=beats_own(h, taste, w, v)) for h, x, y, w, v in zip(test.rehearsals, edits, own, steps, walked)]
    return dict(taste=taste, n=n, seed=seed, rows=rows)


def claims(rows):
    "Rows of RESULTS.md."
    out, of = [], lambda m, k: lambda r: float(np.mean([x[k] for x in r['rows'][m]]))
    for n in sorted({r['n'] for r in rows}):
        for m in (CLONE, DPO, IMAGINED, BY_PPO):
            mine = [r for r in rows if r['n'] == n and m in r['rows']]
            if not mine or m == CLONE and n > min(r['n'] for r in rows): continue
            mean = {k: bootstrap([of(m, k)(r) for r in mine]) for k in ('win', 'own', 'walk', 'keep_f1')}
            keep = f"keep F1 {mean['keep_f1'][0]:.3f}, the clone's {np.mean([of(CLONE, 'keep_f1')(r) for r in mine]):.3f}"
            row = lambda what, b, beside: dict(claim=what, value=round(b[0], 3), interval=[round(x, 3) for x in b[1:]], beside=beside)
            if m == CLONE: out.append(row("the clone, without answers: win rate against the pointer network's edit", mean['win'], keep)); continue
            out.append(row(f"{n} answers: win rate of {m} against the clone's edit", mean['own'], keep))
            out.append(row(f"{n} answers: win rate of {m} against the pointer network's edit", mean['win'], f"as a walk, against the clone's: {mean['walk'][0]:.3f}"))
    return out


def keep_results(a, rows, seeds):
    "Write everything that was found so far."
    numbers = lambda x: ' '.join(map(str, sorted(set(x))))
    asked = f"--answers {numbers(r['n'] for r in rows)} --ppo {numbers(r['n'] for r in rows if BY_PPO in r['rows'])}"
    found, said = claims(rows), f"make bench-feedback_agent ARGS='--music DIR --agents DIR --first {a.first} {asked} --seed {numbers(seeds)}'"
    note = (f'All raters are simulated; four near tastes, five packages, {len(seeds)} seed{"s" * (len(seeds) > 1)} of pools, questions and noise; clones of one seed. Choices were made on rehearsals numbered under {a.first}; '
            'those from there on are judged. The agent proposes with its exact decoder.')
    results.record('feedback_agent', 'feedback', 'Simulated raters, held-out music: the agent', said, found, note)
    print(results.table(dict(title='agent', command='', date='', note='', claims=found)), flush=True)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--agents', required=True, help='clones of bench/agent.py: PACKAGE-seed0/d.safetensors')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--first', type=int, default=6, help='sessions of this number and after are judged; those before may have been used for choices')
    ap.add_argument('--answers', type=int, nargs='+', default=[25, 50, 100, 300], help='numbers of answers')
    ap.add_argument('--ppo', type=int, nargs='*', default=[100, 300], help='numbers of answers for which PPO runs')
    ap.add_argument('--seed', type=int, nargs='+', default=[0], help='of pools, questions and noise')
    ap.add_argument('--networks', default=str(Path(__file__).with_name('networks')), help='networks that never saw a package')
    ap.add_argument('--out', default='outputs/bench/feedback', help='folder for results')
    a = ap.parse_args()
    torch.set_num_threads(1)
    make(a)
    all_, rows = [(p.stem.rsplit('-', 1)[0], int(p.stem.rsplit('-', 1)[1]), p) for p in (Path(a.out)/'scored').glob('*.npz')], []
    all_ = [(q, i, *F.load_recording(p, p.stem)) for q, i, p in sorted(all_, key=lambda x: (x[1], x[0])) if i < a.sessions]
    kept = Path(a.out)/'rows_agent.json'
    known = json.loads(kept.read_text(encoding='utf-8'))['rows'] if kept.exists() else []
    for turn, seed in enumerate(a.seed):
        rehearsals, folds = [F.Rehearsal(*x, 1000 * seed + i) for i, x in enumerate(all_)], {}
        for p in sorted({h.package for h in rehearsals}):
            train, test = (Beats(x, Path(a.out)/'beats') for x in ([h for h in rehearsals if h.package != p], [h for h in rehearsals if h.package == p and h.number >= a.first]))
            policy = load_policy(Path(a.agents)/f'{p}-seed0/d.safetensors')[0]
            c = Penalties(cost=2., boundary=1.)                   # the shipped agent's
            folds[p] = train, test, policy, c, test.decoded(policy, c)
        for n in sorted(a.answers, key=lambda n: (n not in a.ppo, n)):      # what PPO is asked about comes first
            for p, fold in folds.items():
                began = time.process_time()
                for t in NEAR:
                    found = [r for r in known if (r['holdout'], r['taste'], r['n'], r['seed']) == (p, t, n, seed)]
                    rows += found or [dict(holdout=p, **learnt(fold, t, n, seed, (DPO, IMAGINED, *[BY_PPO] * (n in a.ppo))))]
                print(seed, n, p, f'{time.process_time() - began:.0f} CPU s', flush=True)
                write_json(kept, dict(rows=known + [r for r in rows if r not in known]))
            keep_results(a, rows, a.seed[:turn + 1])
