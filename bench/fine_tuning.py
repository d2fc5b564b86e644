"""What a few pairs of one person's own edits are worth: simulated people with habits of their own.

    make bench-fine_tuning ARGS='--music DIR --package NAME --fold outputs/bench/pointer'

Needs a finished fold of bench/pointer.py: a network that has never heard the package. Its style part is trained on the other packages (or read, where it is there), on habits of which none is one of these people's. They
edit sessions of the package that was left out, each in their own way (`HABITS`); how they edit is learnt from 5, 10 and 25 of their edits and judged on 20 other sessions, beside the network as it is. Then the fine-tuned
network, with a style of zero, edits the 20 sessions as it was first trained to: what is forgotten. Results go to outputs/bench/fine_tuning/.
"""
import argparse, copy, dataclasses, functools, time
from pathlib import Path

import numpy as np

from editorbot.core import EditorbotError, write_json
from editorbot.personal.fine_tuning import HABITS, UNKNOWN, fine_tune
from editorbot.judging.cross_validation import fold_folder
from editorbot.data.examples import build_examples, split_by_package, synthetic_examples
from editorbot.pointer.pointer_network import load_pointer
from editorbot.pieces import edit_score
from editorbot.pointer.pointer_training import RICH, judge_pointer
from editorbot.simulation.sessions import find_songs
from editorbot.personal.style import load_style, save_style, styled
from editorbot.personal.style_training import StyleRecipe, train_style

COLUMNS = dict(keep_f1='keep F1', cut_f1='cut F1', boundary_f1_05='boundary F1, 0.5 s', boundary_f1_3='3 s', length_error_s='length error, s')


def of_person(examples, habit):
    "Sessions as this person edits them; nobody labels what is heard in them."
    return [dataclasses.replace(HABITS[habit](e), kind=np.full_like(e.kind, UNKNOWN)) for e in examples]


def mean(rows, k): return float(np.nanmean([np.nan if r[k] is None else r[k] for r in rows]))


def style_of(net, fold, examples, holdout, steps, seed):
    "The style part of a fold: read if it belongs to the network, trained on everything but `holdout` otherwise."
    try: return load_style(net, fold)[0]
    except EditorbotError as e: print(e, flush=True)
    fit, _, _ = split_by_package(examples(), holdout, 0)
    style, _ = train_style(net, fit, StyleRecipe(steps=steps), seed=seed)
    save_style(style, net, fold, info=dict(holdout=holdout, steps=steps, seed=seed, recordings=len(fit)))
    return style


def run(net, style, test, own, habits, pairs, out, seed=0):
    "Markdown: a row for each person and number of pairs."
    first = judge_pointer(net, test)
    print(f'first habit: keep F1 {mean(first, "keep_f1"):.3f}, merit {edit_score(first):.3f}', flush=True)
    lines = ['| person | pairs | way | ' + ' | '.join(COLUMNS.values()) + ' | merit | first habit after, merit | CPU, s |', '|---|---:|---|' + '---:|' * (len(COLUMNS) + 3)]
    for habit in habits:
        theirs = of_person(test, habit)
        runs = [('0', 'shipped', judge_pointer(net, theirs), first, 0.0)]
        for n in pairs:
            folder, began = Path(out)/f'{habit}-{n}-seed{seed}', time.process_time()
            tuned, mine, z, info = fine_tune(net, style, of_person(own[:n], habit), folder, seed=seed, show=False)
            cpu = time.process_time() - began
            nobody = copy.deepcopy(tuned)
            nobody.config = net.config
            runs.append((str(n), info['way'], judge_pointer(tuned, theirs, change=functools.partial(styled, style=mine, z=z)), judge_pointer(nobody, test), cpu))
            write_json(folder/'result.json', dict(info=info, rows=runs[-1][2], first=runs[-1][3], before=runs[0][2]))
            print(habit, info, flush=True)
        for n, way, rows, old, cpu in runs:
            lines.append(f'| {habit} | {n} | {way} | ' + ' | '.join(f'{mean(rows, k):.{1 if k.endswith("_s") else 3}f}' for k in COLUMNS) + f' | {edit_score(rows):.3f} | {edit_score(old):.3f} | {cpu:.0f} |')
        print('\n'.join(lines[:2] + lines[-len(runs):]), flush=True)
    return '\n'.join(lines)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--package', required=True, help='whose music the person plays; left out when the network and its style part were trained')
    ap.add_argument('--fold', default='outputs/bench/pointer', help='results of bench/pointer.py')
    ap.add_argument('--habits', nargs='*', default=list(HABITS))
    ap.add_argument('--pairs', nargs='*', type=int, default=[5, 10, 25])
    ap.add_argument('--steps', type=int, default=StyleRecipe.steps, help='of the style part')
    ap.add_argument('--seed', type=int, default=0, help='of the fold, the style part and the choice of pairs')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--out', default='outputs/bench/fine_tuning')
    a = ap.parse_args()
    songs = find_songs(a.music)
    packages = sorted({s.package for s in songs})
    of = lambda p: build_examples([s for s in songs if s.package == p], 50, 1, a.cache, RICH)
    everything = lambda: [e for p in packages for e in of(p)] + synthetic_examples(40, 1, RICH, a.cache)
    sessions = of(a.package)
    test, own = sessions[:20], sessions[20:]
    own = own[5 * a.seed % len(own):] + own[:5 * a.seed % len(own)]      # other pairs for another seed
    fold = fold_folder(a.fold, a.package, a.seed)
    net = load_pointer(fold, 'cpu')[0]
    style = style_of(net, fold, everything, a.package, a.steps, a.seed)
    print(run(net, style, test, own, a.habits, a.pairs, Path(a.out)/a.package, a.seed))
