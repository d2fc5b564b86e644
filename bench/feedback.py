"""What comparisons are worth: simulated raters compare edits, and what was learnt is judged on music that nothing it learnt from was made of.

    make bench-feedback ARGS='--music DIR'    everything; scored recordings are kept, so a second run is quick

**The raters are simulated.** Each has a utility that we wrote down (`editorbot.feedback.raters`); figures say that the method works as intended, not that anybody likes its edits. Every package is left out in turn: answers
are about the others, with the networks of bench/networks, each of which never saw the package that it scores. An edit wins against the network's own if its utility is higher; differences under 2 % of a pool's interquartile
range, which nobody would hear, count as a half. Results go to outputs/bench/feedback/ and bench/results/feedback.json.
"""
import argparse, functools, importlib.util, json, tempfile, time
from pathlib import Path

import numpy as np

import results
from editorbot.core import atomic_path, write_json
from editorbot.data.examples import load_example, music_example
from editorbot.feedback.dpo import best_change, best_nudge, dpo, edit_under, feature_evidence, held_back, imagined, moved, nearness, policy_spread, rule_belief, rule_masks, rule_of, telling_rule, tried
from editorbot.feedback.edit_features import CHANGES, Scored, by_rules, edit_features, nearby, nudges, path_features, pool, scored, toy_recording, value
from editorbot.feedback.listening import Event, care
from editorbot.feedback.raters import DISTANT, NEAR, Comparison, SimulatedRater, Truth, compare, overlap, truth_of, utility
from editorbot.feedback.reward_model import agreement, attack, calibration_error, hardened, informative, sceptical, train_reward
from editorbot.judging.leaderboard import bootstrap
from editorbot.personal.fine_tuning import SHORT, grid_of_rules
from editorbot.personal.rules import Rule, RuleInput
from editorbot.pieces import play_counts
from editorbot.pointer.pointer_network import Decoding
from editorbot.pointer.pointer_training import RICH, score_example
from editorbot.simulation.sessions import find_songs, session_seeds

spec = importlib.util.spec_from_file_location('bench_pointer', Path(__file__).with_name('pointer.py'))
bench_pointer = importlib.util.module_from_spec(spec); spec.loader.exec_module(bench_pointer)


def save_recording(path, r, t):
    "Write a scored recording and its truth, atomically."
    arrays = dict(plays=r.plays.astype(np.float32), onset=r.onset, offset=r.offset, kind=r.kind.astype(np.float32), own=r.rule.own, counts=t.counts.astype(np.int8), labels=t.kind)
    arrays |= {f'rule/{k}': np.asarray(v, np.float32) for k, v in r.rule.features.items()} | {f'wanted/{k}': v for k, v in t.wanted.items()}
    with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez_compressed(f, **arrays, decoding=json.dumps(r.decoding.to_dict()))


def load_recording(path, name):
    "A scored recording and its truth."
    with np.load(path) as z:
        of = lambda head: {k[len(head):]: z[k] for k in z.files if k.startswith(head)}
        r = Scored(z['plays'].astype(float), z['onset'], z['offset'], z['kind'].astype(float), RuleInput(z['own'], of('rule/')), Decoding.from_dict(json.loads(str(z['decoding']))), name)
        return r, Truth(z['counts'].astype(int), z['labels'], of('wanted/'))


def recordings(a):
    "(package, number, recording, truth) of every session, scored by the network that never saw its package."
    songs, nets = find_songs(a.music), {}
    for i, seed in enumerate(session_seeds(a.sessions, 2)):
        for p in sorted({s.package for s in songs}):
            path = Path(a.out)/'scored'/f'{p}-{i}.npz'
            if not path.exists():
                if p not in nets: nets[p] = bench_pointer.network_of(a.networks, p, 0)
                e = load_example(music_example([s for s in songs if s.package == p], seed, RICH, a.cache))
                save_recording(path, scored(score_example(nets[p], e), f'{p}-{i}'), truth_of(e, DISTANT))
            yield p, i, *load_recording(path, f'{p}-{i}')


RULES = [(), *((x,) for kind in grid_of_rules() for x in kind), *((Rule('short', least=s),) for s in SHORT)]
TASTES = (*NEAR, *DISTANT)


class Rehearsal:
    "A recording with all edits of it that anybody may compare or choose."
    def __init__(self, package, number, r, t, seed):
        self.package, self.number, self.r, self.t, self.edits, self.close = package, number, r, t, pool(r, seed=seed), nearby(r, seed=seed + 500)
        self.both, self.n, self.seed = self.edits + self.close, len(self.edits), seed
        self.X = np.array([edit_features(r, x) for x in self.both])
        self.u = {k: np.array([utility(k, t, x) for x in self.both]) for k in TASTES}

    @functools.cached_property
    def P(self): return np.array([path_features(self.r, x) for x in self.both])

    @functools.cached_property
    def v(self): return np.array([value(self.r, x) for x in self.both])

    @functools.cached_property
    def masks(self): return rule_masks(self.r, RULES)

    @functools.cached_property
    def near(self): return nearness(self.r, self.edits, RULES, self.masks)

    @functools.cached_property
    def changed(self): return tried(self.r, [np.zeros(len(CHANGES)), *nudges(64, self.seed // 1000)])   # the same changes for all recordings

    def spread(self, taste): return np.subtract(*np.quantile(self.u[taste][:self.n], (.75, .25)))

    def judged(self, taste, pieces):
        "Does an edit win against the network's own, and how near is it to the engineer's?"
        d = (utility(taste, self.t, pieces) if len(pieces) else -99.) - self.u[taste][0]
        f1 = lambda x: overlap(play_counts(x, self.r.frames) > 0, self.t.counts > 0)
        return dict(win=.5 if abs(d) < .02 * self.spread(taste) else float(d > 0), keep_f1=f1(pieces), before=f1(self.r.own))


def about_rules(train, rater, taste, answers, most):
    "The last answers are about rules, as `rate` asks; answers, features of the pools and nearness, with what was added."
    near, X, done = [h.near for h in train], [h.X[:h.n] for h in train], [set() for _ in train]
    rng, says, answers = np.random.default_rng([rater.seed, 4]), np.random.default_rng([rater.seed, 5]), list(answers)
    for _ in range(most):
        belief, some = rule_belief(near, answers, RULES), rng.permutation(len(train))[:6]
        (gain, k), i = max((telling_rule(belief, RULES, train[i].masks, done[i]), i) for i in some)
        if not gain: break
        h, x = train[i], by_rules(train[i].r, RULES[k])
        done[i].add(k)
        if not len(x): continue
        near[i], X[i] = np.hstack([near[i], nearness(h.r, [x], RULES, h.masks)]), np.vstack([X[i], edit_features(h.r, x)])
        answers.append(Comparison(int(i), len(X[i]) - 1, 0, rater.says(int(i), utility(taste, h.t, x) - h.u[taste][0], h.spread(taste), says)))
    return answers, X, near


def answered(train, rater, taste, n):
    "What n answers of a simulated rater say: a quarter of every hundred is about rules, and comes last here."
    most = n // 100 * 25
    plain = compare(rater, [h.u[taste][:h.n] for h in train], n - most)
    return about_rules(train, rater, taste, plain, most)


def asked(test, taste, noise=.1):
    "All decided pairs of recordings that were left out: features of A and B, the probability that the rater says A."
    pairs = [(h, *((a, b) if (a + b) % 2 else (b, a))) for h in test for a in range(h.n) for b in range(a) if abs(h.u[taste][a] - h.u[taste][b]) >= .1 * h.spread(taste)]
    said = np.array([h.u[taste][a] > h.u[taste][b] for h, a, b in pairs])
    return np.array([h.X[a] for h, a, _ in pairs]), np.array([h.X[b] for h, _, b in pairs]), np.where(said, 1 - noise, noise)


def calibration(rows):
    "(taste, seed) -> calibration error over the answers of all packages, and what a perfect model of the same sureness would show on as many pairs."
    rng, out = np.random.default_rng(4), []
    for key in sorted({(r['taste'], r['seed']) for r in rows}):
        p, said = (np.concatenate([r[k] for r in rows if (r['taste'], r['seed']) == key]) for k in ('sure', 'truly'))
        noise = min(said.min(), 1 - said.max())
        meant = np.clip((p - noise) / (1 - 2 * noise), 0, 1)
        perfect = [calibration_error(p, np.where(rng.random(len(p)) < meant, 1 - noise, noise)) for _ in range(20)]
        out.append(dict(error=calibration_error(p, said), perfect=float(np.mean(perfect))))
    return out


def edits_of(h, model, weights, best, rule):
    "What each method makes of a recording; a rule that isn't there leaves the network's own edit."
    worth, shares, every = model.rewards(h.X), {'best of 16': (0, h.n, 0.), 'best of nearby': (h.n, None, .05)}, h.edits + h.close
    liked = sceptical(worth - worth[:, :1])
    out = {k: every[a + int((liked[a:b] + path * (h.v[a:b] - h.v[0])).argmax())] for k, (a, b, path) in shares.items()}
    out |= {'DPO': edit_under(h.r, weights), 'DPO, then best of nearby': edit_under(h.r, best_nudge(model, h.r, weights)), 'chosen decoding': edit_under(h.r, best), 'chosen decoding, then best of nearby': edit_under(h.r, best_nudge(model, h.r, best))}
    out['rule'] = by_rules(h.r, rule) if rule else h.r.own
    out['all together'] = out['rule'] if rule else out['chosen decoding, then best of nearby']
    return out


METHODS = ('best of 16', 'best of nearby', 'DPO', 'DPO, then best of nearby', 'chosen decoding', 'chosen decoding, then best of nearby', 'rule', 'all together')


def learnt(train, test, spread, taste, n, seed):
    "A row: what n answers of a simulated rater are worth."
    rater = SimulatedRater(taste, seed=seed)
    answers, X, near = answered(train, rater, taste, n)
    model = train_reward(X, answers, seed=seed)
    weights = held_back(dpo([h.P[h.n:] for h in train], imagined(model, [h.X[h.n:] for h in train], seed=seed), spread), [h.r for h in train])
    best = [np.zeros_like(weights), *nudges(64, seed)][best_change(model, [h.changed for h in train])]
    rule = RULES[rule_of(near, answers, RULES, feature_evidence(X, answers, seed))]
    A, B, said = asked(test, taste)
    p = model.prefers(A, B).mean(0)
    made = [edits_of(h, model, weights, best, rule) for h in test]
    rows = {m: [h.judged(taste, x[m]) for h, x in zip(test, made)] for m in METHODS}
    return dict(taste=taste, n=n, seed=seed, answers=len(answers), agreement=agreement(p, said), sure=p.tolist(), truly=said.tolist(), nats=float(np.mean([moved(h.r, best) for h in test[:1]])), rule=[str(r) for r in rule], rows=rows)


def active(train, test, taste, seed, counts=(20, 40, 60, 80, 100)):
    "Agreement after so many answers to random questions, and to those whose answers tell most; twenty are chosen at a time, each as if the others had been answered."
    u, rater, out = [h.u[taste][:h.n] for h in train], SimulatedRater(taste, seed=seed), {}
    X, (A, B, said) = [h.X[:h.n] for h in train], asked(test, taste)
    sides = lambda pairs: [np.array([X[q[0]][q[k]] for q in pairs]) for k in (1, 2)]
    for way in ('random', 'chosen'):
        rng = np.random.default_rng([seed, 3])                                    # both begin with the same twenty
        questions = [(i, *rng.choice(train[i].n, 2, replace=False).tolist()) for i in rng.integers(len(train), size=20)]
        while True:
            model = train_reward(X, compare(rater, u, 0, questions), seed=seed)
            out[f'{way} {len(questions)}'] = agreement(model.prefers(A, B).mean(0), said)
            if len(questions) == counts[-1]: break
            some = [(i, *rng.choice(train[i].n, 2, replace=False).tolist()) for i in rng.integers(len(train), size=400)]
            for _ in range(20): questions.append(some.pop(0 if way == 'random' else int(informative(model, *sides(some), *sides(questions)).argmax())))
    return out


def attacked(train, test, taste, seed):
    "Recordings on which an attack succeeds: of a model that was fitted, of one trained with its own optima as losers, and of the latter with the path score, as edits are chosen."
    some, answers = train[:5], compare(SimulatedRater(taste, seed=seed), [h.u[taste][:h.n] for h in train[:5]], 100)
    plain, (hard, _, left) = train_reward([h.X[:h.n] for h in some], answers), hardened([h.r for h in some], [h.edits for h in some], answers, rounds=6, steps=60, seed=seed)
    (A, B, said), ways = asked(test, taste), dict(fitted=(plain, 0.), hardened=(hard, 0.), chosen=(hard, .05))
    out = {k: sum(attack(m, h.r, h.edits, 100, 7, path=path) is not None for h in test[:4]) for k, (m, path) in ways.items()}
    return out | dict(left=left, tried=len(test[:4])) | {f'{k} agreement': agreement(m.prefers(A, B).mean(0), said) for k, (m, _) in ways.items()}


def waiting(questions=16):
    "Seconds until a question about an hour of stereo at 44.1 kHz is there: median on the CPU, median and longest by the clock. The first isn't counted: it loads libraries."
    from editorbot.audio import write_audio
    from editorbot.core import FRAME_RATE
    from editorbot.edl import Source, edl_from_regions
    from editorbot.feedback.listening import FeedbackStore
    from editorbot.feedback.rating import Material, Sitting
    with tempfile.TemporaryDirectory() as d:
        minute = np.random.default_rng(0).normal(0, .05, (60 * 44100, 2)).astype(np.float32)
        r, src = toy_recording(0, 3600.)[0], Source.from_file(write_audio(Path(d)/'hour.wav', np.tile(minute, (60, 1)), 44100))
        edits, at = pool(r, 12), lambda t: min(src.frames, round(t / FRAME_RATE * 44100))
        s = Sitting(Material([r], [edits], [[edl_from_regions(src, [(at(a), at(b)) for a, b, _ in x]) for x in edits]]), FeedbackStore(Path(d)/'f.sqlite'), 'simulated')
        took, both = [], lambda: np.array([time.process_time(), time.perf_counter()])
        for i in range(questions):
            began = both(); s.ask(); took.append(both() - began)
            s.listening.answer('ab'[i % 2])
    cpu, clock = np.array(took[1:]).T
    return float(np.median(cpu)), float(np.median(clock)), float(clock.max())


def caught(right, n=400):
    "Share of sittings of 30 answers in which a rater is told to take a break, who answers control questions rightly so often."
    def sitting(rng):
        ids = [Event(f'{i}', 'answer', 'x', 0., dict(kind='new', said='a', swapped=False, of='')) for i in range(3)]
        catch = [Event(f'c{i}', 'answer', 'x', 0., dict(kind='catch', said='a' if rng.random() < right else 'b', swapped=False, of='')) for i in range(5)]
        return care([*ids, *catch, *(Event(f'r{i}', 'answer', 'x', 0., dict(kind='repeat', said='b' if rng.random() < right else 'a', swapped=True, of=f'{i}')) for i in range(3))]).told != ''
    return float(np.mean([sitting(np.random.default_rng([i, 8])) for i in range(n)]))


def claims(rows, extra):
    "Rows of RESULTS.md."
    mean = lambda f, **kw: bootstrap([f(r) for r in rows if all(r[k] in v for k, v in kw.items())])
    of = lambda m, k: lambda r: float(np.mean([x[k] for x in r['rows'][m]]))
    row = lambda what, b, aim=None, beside=None: dict(claim=what, value=round(b[0], 3), interval=[round(x, 3) for x in b[1:]], **(dict(aim=aim) if aim else {}), **(dict(beside=beside) if beside is not None else {}))
    out = []
    for n in sorted({r['n'] for r in rows}):
        aims = {100: ('>= .76', '>= .70', '>= .65'), 300: (None, '>= .80', None), 1000: ('>= .85', None, None)}.get(n, (None,) * 3)
        near, far = dict(n=(n,), taste=tuple(NEAR)), dict(n=(n,), taste=DISTANT)
        out.append(row(f'near tastes, {n} answers: agreement', mean(lambda r: r['agreement'], **near), aims[0]))
        found = calibration([r for r in rows if r['n'] == n and r['taste'] in NEAR])
        out.append(row(f'near tastes, {n} answers: calibration error', bootstrap([x['error'] for x in found]), '<= .05', f"a perfect model: {np.mean([x['perfect'] for x in found]):.3f}"))
        for m in METHODS:
            beside = f"keep F1 {mean(of(m, 'keep_f1'), **near)[0]:.3f}, was {mean(of(m, 'before'), **near)[0]:.3f}"
            if m != 'rule': out.append(row(f'near tastes, {n} answers: win rate of {m}', mean(of(m, 'win'), **near), aims[1] if m in ('DPO', METHODS[5]) else None, beside))
        if any(r['n'] == n and r['taste'] in DISTANT for r in rows):
            for m in ('rule', 'all together'): out.append(row(f'distant tastes, {n} answers: win rate of {m}', mean(of(m, 'win'), **far), aims[2] if m == 'rule' else None))
    return out + extra


def keep_results(a, rows, ways, attacks, waits, seeds):
    "Write everything that was found so far."
    write_json(Path(a.out)/'rows.json', dict(rows=rows, ways=ways, attacks=attacks))
    way = {k: round(float(np.mean([w[k] for w in ways])), 3) for k in ways[0]}
    extra = [dict(claim='agreement after 60 answers to chosen questions', value=way['chosen 60'], aim='that of 100 random ones', beside=f"random: {way['random 60']} at 60, {way['random 100']} at 100"),
             dict(claim='random rater told within 30 answers', value=round(caught(.5), 3), beside=f'a careful one (95 % right): {caught(.95):.3f}'),
             dict(claim='CPU seconds until a question about a 1-hour recording appears', value=round(waits[0], 2), aim='<= 1', beside=f'by the clock of a busy machine: {waits[1]:.2f}, the longest {waits[2]:.2f}')]
    if attacks:
        hit = lambda k: f"{sum(x[k] for x in attacks)} of {sum(x['tried'] for x in attacks)}"
        agreed = {k: np.mean([x[f'{k} agreement'] for x in attacks]) for k in ('fitted', 'hardened')}
        extra += [dict(claim='attacks from six starts that succeed on what edits are chosen by, held-out recordings', value=hit('chosen'), aim='none', beside='reward trained with its own optima as losers, and path score'),
                  dict(claim='attacks from six starts that succeed on the reward alone', value=hit('hardened'), aim='none', beside=f"fitted only: {hit('fitted')}; agreement {agreed['hardened']:.3f}, was {agreed['fitted']:.3f}")]
    found, said = claims(rows, extra), f"make bench-feedback ARGS='--music DIR --first {a.first} --answers {' '.join(map(str, a.answers))} --seed {' '.join(map(str, seeds))}'"
    note = f'All raters are simulated; intervals are over tastes, packages and {len(seeds)} seed{"s" * (len(seeds) > 1)}. Choices were made on rehearsals numbered under {a.first}; those from {a.first} on are judged.'
    results.record('feedback', 'feedback', 'Simulated raters, held-out music', said, found, note)
    print(results.table(dict(title='feedback', command='', date='', note='', claims=found)), flush=True)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--first', type=int, default=0, help='sessions of this number and after are judged; those before may have been used for choices')
    ap.add_argument('--answers', type=int, nargs='+', default=[25, 50, 100, 300], help='numbers of answers')
    ap.add_argument('--seed', type=int, nargs='+', default=[0], help='of pools, questions and noise')
    ap.add_argument('--networks', default=str(Path(__file__).with_name('networks')), help='networks that never saw a package')
    ap.add_argument('--cache', default='data/cache/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/feedback', help='folder for results')
    a = ap.parse_args()
    rows, ways, attacks, all_, waits, judged = [], [], [], list(recordings(a)), waiting(), lambda h: h.number >= a.first
    print('seconds until a question appears', waits, flush=True)
    for turn, seed in enumerate(a.seed):
        rehearsals = [Rehearsal(*x, 1000 * seed + i) for i, x in enumerate(all_)]
        folds = [(p, [h for h in rehearsals if h.package != p], [h for h in rehearsals if h.package == p and judged(h)]) for p in sorted({h.package for h in rehearsals})]
        for some in filter(None, ([n for n in a.answers if n >= 100], [n for n in a.answers if n < 100])):      # what has an aim comes first
            for k, (p, train, test) in enumerate(folds):
                spread = policy_spread([h.r for h in train[::4]])
                rows += [dict(holdout=p, **learnt(train, test, spread, t, n, seed)) for t in TASTES for n in some if t in NEAR or n >= 100]
                if len(ways) < len(folds) * (turn + 1): ways.append(active(train, test, tuple(NEAR)[k % len(NEAR)], seed))
                print(seed, some, p, {m: round(float(np.mean([x['win'] for r in rows if r['holdout'] == p and r['taste'] in NEAR for x in r['rows'][m]])), 3) for m in METHODS}, flush=True)
            keep_results(a, rows, ways, attacks, waits, a.seed[:turn + 1])
        if not turn:
            attacks += [attacked(train, test, tuple(NEAR)[k % len(NEAR)], seed) for k, (_, train, test) in enumerate(folds)]
            keep_results(a, rows, ways, attacks, waits, a.seed[:1])
