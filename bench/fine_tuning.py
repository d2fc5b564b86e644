"""What a few pairs of one person's own edits are worth: simulated people with habits of their own.

    make bench-fine_tuning ARGS='--music DIR --package NAME --fold outputs/bench/pointer'

Needs a finished fold of bench/pointer.py, or bench/networks: a network that was not trained on the package. The people (`HABITS`) edit sessions of the package that was left out, each in their own way; rules are learnt
from 5, 10 and 25 of their edits and judged on 20 other sessions, beside the network as it is. No weight changes, so nothing is forgotten. Results go to outputs/bench/fine_tuning/.
"""
import argparse, dataclasses, importlib.util, time
from pathlib import Path

import numpy as np

from editorbot.core import write_json
from editorbot.personal.fine_tuning import HABITS, UNKNOWN, edit_by, fine_tune, pair_of
from editorbot.data.examples import build_examples
from editorbot.pieces import edit_scores, pieces_of
from editorbot.pointer.pointer_training import RICH
from editorbot.simulation.sessions import find_songs

spec = importlib.util.spec_from_file_location('bench_pointer', Path(__file__).with_name('pointer.py'))
bench_pointer = importlib.util.module_from_spec(spec); spec.loader.exec_module(bench_pointer)

COLUMNS = dict(keep_f1='keep F1', cut_f1='cut F1', boundary_f1_05='boundary F1, 0.5 s', boundary_f1_3='3 s', length_error_s='length error, s')


def of_person(examples, habit):
    "Sessions as this person edits them; nobody labels the classes of sound in them."
    return [dataclasses.replace(HABITS[habit](e), kind=np.full_like(e.kind, UNKNOWN)) for e in examples]


def mean(rows, k): return float(np.nanmean([np.nan if r[k] is None else r[k] for r in rows]))


def run(net, test, own, habits, pairs, out, seed=0):
    "Markdown: a row for each person and number of pairs."
    tests = [pair_of(net, e) for e in test]
    lines = ['| person | pairs | way | ' + ' | '.join(COLUMNS.values()) + ' | CPU, s |', '|---|---:|---|' + '---:|' * (len(COLUMNS) + 1)]
    for habit in habits:
        theirs = [pieces_of(e.regions) for e in of_person(test, habit)]
        judge = lambda rules, theirs=theirs: [edit_scores(edit_by(p, rules), t, e.frames) for p, t, e in zip(tests, theirs, test)]
        runs = [('0', 'shipped', judge(()), 0.0)]
        for n in pairs:
            folder, began = Path(out)/f'{habit}-{n}-seed{seed}', time.process_time()
            rules, info = fine_tune(net, of_person(own[:n], habit), folder, seed=seed, show=False)
            runs.append((str(n), '; '.join(info['rules']) or 'shipped', judge(rules), time.process_time() - began))
            write_json(folder/'result.json', dict(info=info, rows=runs[-1][2], before=runs[0][2]))
            print(habit, info, flush=True)
        for n, way, rows, cpu in runs:
            lines.append(f'| {habit} | {n} | {way} | ' + ' | '.join(f'{mean(rows, k):.{1 if k.endswith("_s") else 3}f}' for k in COLUMNS) + f' | {cpu:.0f} |')
        print('\n'.join(lines[:2] + lines[-len(runs):]), flush=True)
    return '\n'.join(lines)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--package', required=True, help='whose music the person plays; left out when the network was trained')
    ap.add_argument('--fold', default='outputs/bench/pointer', help='results of bench/pointer.py')
    ap.add_argument('--habits', nargs='*', default=list(HABITS))
    ap.add_argument('--pairs', nargs='*', type=int, default=[5, 10, 25])
    ap.add_argument('--tests', type=int, default=20, help='sessions that judge')
    ap.add_argument('--sessions', type=int, default=50, help='in all; those that do not judge are the pairs')
    ap.add_argument('--seed', type=int, default=0, help='of the fold and the choice of pairs')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--out', default='outputs/bench/fine_tuning')
    a = ap.parse_args()
    songs = find_songs(a.music)
    sessions = build_examples([s for s in songs if s.package == a.package], a.sessions, 1, a.cache, RICH)
    test, own = sessions[:a.tests], sessions[a.tests:]
    own = own[5 * a.seed % len(own):] + own[:5 * a.seed % len(own)]      # other pairs for another seed
    net = bench_pointer.network_of(a.fold, a.package, a.seed)
    print(run(net, test, own, a.habits, a.pairs, Path(a.out)/a.package, a.seed))
