"""What a few pairs of one person's own edits are worth: simulated people with habits of their own.

    make bench-fine_tuning ARGS='--music DIR --package NAME --fold outputs/bench/pointer'

Needs a finished fold of bench/pointer.py: a network that has never heard the package. Three people edit sessions of that package, each in their own way (`HABITS`); the network is fine-tuned on 5, 10 and 25 of their edits and
judged on 20 other sessions, beside itself before fine-tuning. What is forgotten is measured on the same 20 sessions with the edits it was first trained for. Results go to outputs/bench/fine_tuning/.
"""
import argparse, dataclasses
from pathlib import Path

import numpy as np

from editorbot.core import write_json
from editorbot.fine_tuning import HABITS, UNKNOWN, fine_tune
from editorbot.keep_training import build_examples
from editorbot.pointer_network import load_pointer
from editorbot.pointer_training import RICH, judge_pointer
from editorbot.sessions import find_songs

COLUMNS = dict(keep_f1='keep F1', cut_f1='cut F1', boundary_f1_3='boundary F1, 3 s', boundary_f1_05='0.5 s', length_error_s='length error, s')


def of_person(examples, habit):
    "Sessions as this person edits them; nobody labels what is heard in them."
    return [dataclasses.replace(HABITS[habit](e), kind=np.full_like(e.kind, UNKNOWN)) for e in examples]


def mean(rows, k): return float(np.nanmean([np.nan if r[k] is None else r[k] for r in rows]))


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--package', required=True, help='whose music the person plays; left out when the network was trained')
    ap.add_argument('--fold', default='outputs/bench/pointer', help='results of bench/pointer.py')
    ap.add_argument('--habits', nargs='*', default=list(HABITS))
    ap.add_argument('--pairs', nargs='*', type=int, default=[5, 10, 25])
    ap.add_argument('--seed', type=int, default=0, help='which of the pairs are kept aside, and the batches')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--out', default='outputs/bench/fine_tuning')
    a = ap.parse_args()
    songs = [s for s in find_songs(a.music) if s.package == a.package]
    sessions = build_examples(songs, 50, 1, a.cache, RICH)
    test, own = sessions[:20], sessions[20:]
    fold = Path(a.fold)/f'{a.package}-seed0'
    net = load_pointer(fold, 'cpu')[0]
    lines = ['| person | pairs | alpha | ' + ' | '.join(COLUMNS.values()) + ' | first habit: keep F1 |', '|---|---:|---:|' + '---:|' * (len(COLUMNS) + 1)]
    first = judge_pointer(net, test)
    for habit in a.habits:
        theirs = of_person(test, habit)
        runs = [('0', 0.0, judge_pointer(net, theirs), first)]
        for n in a.pairs:
            folder = Path(a.out)/f'{a.package}-{habit}-{n}-seed{a.seed}'
            tuned, info = fine_tune(net, of_person(own[:n], habit), folder, seed=a.seed)
            runs.append((str(n), info['alpha'], judge_pointer(tuned, theirs), judge_pointer(tuned, test)))
            write_json(folder/'result.json', dict(info=info, rows=runs[-1][2], first=runs[-1][3], before=runs[0][2]))
        for n, alpha, rows, old in runs: lines.append(f'| {habit} | {n} | {alpha:g} | ' + ' | '.join(f'{mean(rows, k):.{1 if k.endswith("_s") else 3}f}' for k in COLUMNS) + f' | {mean(old, "keep_f1"):.3f} |')
        print('\n'.join(lines), flush=True)
