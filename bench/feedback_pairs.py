"""What a person's own pairs and their answers to comparisons are worth, apart and together.

    make bench-feedback_pairs ARGS='--music DIR'    after bench/feedback.py, or with its --out: scored recordings are kept

**The people are simulated.** Each plays the music of one package, and has the network that never heard it. They edit k of their own rehearsals, answer n questions about edits of six, and six others judge. What a person with
a near taste makes of a rehearsal is the best of all that could be compared and the engineer's edit, by their utility; one with a distant taste has a habit. Pairs teach rules, as `fine_tune` does; answers a decoding and, where pairs
taught none, rules, as `editorbot train preference` does, and it keeps 98 % of the score on the pairs. Results go to outputs/bench/feedback/ and bench/results/feedback_pairs.json.
"""
import argparse, time
from pathlib import Path

import numpy as np

import feedback as F
import results
from editorbot.core import FRAME_RATE, write_json
from editorbot.feedback.dpo import best_change, best_nudge, edit_under, feature_evidence, held_back, rule_of
from editorbot.feedback.edit_features import CHANGES, by_rules, nudges, played, with_weights
from editorbot.feedback.raters import DISTANT, NEAR, SimulatedRater, overlap, utility
from editorbot.feedback.reward_model import train_reward
from editorbot.judging.leaderboard import bootstrap
from editorbot.nn.lattice import best_runs, constrain
from editorbot.personal.fine_tuning import Pair, is_clear, learn_rules
from editorbot.personal.rules import differences, follow
from editorbot.pieces import POOL, begun_earlier, edit_scores, play_counts, runs_of


def kept_by(h, taste):
    "What a person with this taste keeps of a recording: bool (T,)."
    if taste in h.t.wanted: return h.t.wanted[taste]
    best = max([*h.both, played(runs_of(h.t.counts))], key=lambda x: utility(taste, h.t, x))
    return play_counts(best, h.r.frames) > 0


def pair_rules(some, kept):
    "What `fine_tune` learns from pairs, judged on pairs put aside by edits of the rules alone."
    if len(some) < 2: return ()
    pairs = [Pair(y, played(runs_of(y.astype(int))), h.r.rule) for h, y in zip(some, kept)]
    rows, scores = dict(shipped=[], rules=[]), lambda i, rules: edit_scores(by_rules(some[i].r, rules), pairs[i].pieces, some[i].r.frames)
    order = np.random.default_rng([0, 46]).permutation(len(pairs))
    for part in (order[i::4] for i in range(min(4, len(pairs)))):
        found = learn_rules([p for i, p in enumerate(pairs) if i not in part])
        rows['shipped'] += [scores(i, ()) for i in part]; rows['rules'] += [scores(i, found) for i in part]
    return learn_rules(pairs) if is_clear(rows) else ()


def taste_of(some, taste, n, seed, pairs):
    "What `learn_taste` learns from n answers, the attack left out: reward model, change of the decoding, rule."
    rater = SimulatedRater(taste, seed=seed)
    answers, X, near = F.answered(some, rater, taste, n)
    model, r = train_reward(X, answers, seed=seed), [h.r for h in some]
    tried = [np.zeros(len(CHANGES)), *nudges(64, some[0].seed // 1000)]
    weights = tried[best_change(model, [h.changed for h in some])]
    if pairs: weights = held_back(weights, r, pairs)
    f1 = lambda x: sum(overlap(follow(p.rule, x)[:len(y[::POOL])], y[::POOL]) for p, y in pairs)
    fits = np.array([not x or f1(x) >= .98 * f1(()) for x in F.RULES])
    rules = [x for x, ok in zip(F.RULES, fits) if ok]
    rule = rules[rule_of([x[fits] for x in near], answers, rules, feature_evidence(X, answers, seed))]
    return model, weights, rule


def edit_of(h, rules, model, weights):
    "The edit of an editor that has rules, or a reward model, or both: as `Pointer` makes it, a reward model chooses once more where there are no rules."
    if not rules: return h.r.own if model is None else edit_under(h.r, best_nudge(model, h.r, weights))
    keep, cut, _ = differences(h.r.rule, rules)
    spans = lambda x: [(a * POOL, min(b * POOL, h.r.frames)) for a, b in x]
    d = with_weights(h.r.decoding, weights)
    path = played(best_runs(constrain(h.r.lattice_for(d), spans(keep), spans(cut))))
    return begun_earlier(path, round(d.lead * FRAME_RATE), [b for _, b in spans(cut)])


def person(learn, test, taste, seed, pairs, answers):
    "Rows of a person: every number of pairs with every number of answers."
    kept, theirs, out = [kept_by(h, taste) for h in learn], [kept_by(h, taste) for h in test], []
    for k in pairs:
        rules, own = pair_rules(learn[:k], kept[:k]), [(h.r, y) for h, y in zip(learn[:k], kept)]
        for n in answers:
            model, weights, rule = taste_of(learn, taste, n, seed, own) if n else (None, np.zeros(len(CHANGES)), ())
            made = [edit_of(h, rules or rule, model, weights) for h in test]
            rows = [h.judged(taste, x) | dict(keep_f1=overlap(play_counts(x, h.r.frames) > 0, y), before=overlap(play_counts(h.r.own, h.r.frames) > 0, y)) for h, x, y in zip(test, made, theirs)]
            out.append(dict(taste=taste, pairs=k, n=n, seed=seed, from_pairs=[str(x) for x in rules], from_answers=[str(x) for x in rule], rows=rows))
    return out


def claims(rows):
    "Rows of RESULTS.md."
    out, before = [], lambda mine: np.mean([x['before'] for r in mine for x in r['rows']])
    for name, tastes in (('near', tuple(NEAR)), ('distant', DISTANT)):
        for k, n in sorted({(r['pairs'], r['n']) for r in rows}):
            mine = [r for r in rows if (r['pairs'], r['n']) == (k, n) and r['taste'] in tastes]
            if not mine or not k + n: continue
            win, f1 = (bootstrap([float(np.mean([x[c] for x in r['rows']])) for r in mine]) for c in ('win', 'keep_f1'))
            found = sum(bool(r['from_pairs'] or r['from_answers']) for r in mine)
            out.append(dict(claim=f'{name} tastes, {k} pairs and {n} answers: win rate', value=round(win[0], 3), interval=[round(x, 3) for x in win[1:]],
                            beside=f"keep F1 with the person's own edits {f1[0]:.3f}, was {before(mine):.3f}; {found} of {len(mine)} have a rule"))
    return out


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--first', type=int, default=6, help='sessions of this number and after are judged; those before are learnt from')
    ap.add_argument('--pairs', type=int, nargs='+', default=[0, 2, 5])
    ap.add_argument('--answers', type=int, nargs='+', default=[0, 100])
    ap.add_argument('--seed', type=int, nargs='+', default=[0], help='of pools, questions and noise')
    ap.add_argument('--networks', default=str(Path(__file__).with_name('networks')), help='networks that never saw a package')
    ap.add_argument('--cache', default='data/cache/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/feedback', help='folder for results')
    a = ap.parse_args()
    rows, all_ = [], list(F.recordings(a))
    for turn, seed in enumerate(a.seed):
        rehearsals = [F.Rehearsal(*x, 1000 * seed + i) for i, x in enumerate(all_)]
        for p in sorted({h.package for h in rehearsals}):
            began, mine = time.process_time(), [h for h in rehearsals if h.package == p]
            for t in F.TASTES: rows += [dict(package=p, **x) for x in person([h for h in mine if h.number < a.first], [h for h in mine if h.number >= a.first], t, seed, a.pairs, a.answers)]
            print(seed, p, f'{time.process_time() - began:.0f} CPU s', flush=True)
        write_json(Path(a.out)/'rows_pairs.json', dict(rows=rows))
        found, said = claims(rows), f"make bench-feedback_pairs ARGS='--music DIR --first {a.first} --answers {' '.join(map(str, a.answers))} --seed {' '.join(map(str, a.seed[:turn + 1]))}'"
        note = f'All people are simulated: seven tastes, five packages, {turn + 1} seed{"s" * (turn > 0)} of pools, questions and noise. Own rehearsals numbered under {a.first} are edited and asked about, those from there on judge.'
        results.record('feedback_pairs', 'feedback', 'Simulated people: pairs and answers together', said, found, note)
        print(results.table(dict(title='pairs', command='', date='', note='', claims=found)), flush=True)
