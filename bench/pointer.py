"""How well the pointer network edits music it has never heard: every package is left out in turn.

    make bench-pointer ARGS='--music DIR'          all folds and the table
    python bench/pointer.py --music DIR --only NAME one fold; run again, the finished ones are only read

As bench/keep.py, with sessions whose edits loop riffs and put a passage that was played once more in the place of the one that failed. Each fold begins with the keep model of the same fold (bench/keep.py, which never
heard the package either) and is judged beside it and beside editors that know nothing. Results go to outputs/bench/pointer/.
"""
import argparse, json, time
from pathlib import Path

import numpy as np

from editorbot.core import write_json
from editorbot.keep_model import decode, load_keep
from editorbot.keep_training import build_examples, score_examples, split_by_package, synthetic_examples
from editorbot.pointer_network import load_pointer
from editorbot.pointer_training import RICH, PointerTask, delta_scores, edit_scores, judge_pointer, pieces_of, tune_prices
from editorbot.sessions import find_songs
from editorbot.trainer import TrainerConfig, train

COLUMNS = dict(keep_f1='keep F1', cut_f1='cut F1', boundary_f1_3='boundary F1, 3 s', boundary_f1_05='0.5 s', count_f1='play-count F1', jump_f1_05='jump F1, 0.5 s', jump_f1_4='4 frames',
               pointer_accuracy='pointer accuracy', length_error_s='length error, s', junk_left_s='junk left, s', music_lost_s='music lost, s')


def judge_keep(net, examples, config):
    "The keep model on the same sessions: its regions are an edit that neither loops nor reorders."
    return [edit_scores([(a, b, 1) for a, b in decode(s, config)], pieces_of(e.regions), e.frames) for s, e in zip(score_examples(net, examples), examples)]


def fold(holdout, examples, folder, keep, steps, n_test, seed):
    "Train without `holdout`, test on it; a finished fold is read."
    result = folder/'result.json'
    if result.exists(): return json.loads(result.read_text())
    fit, valid, test = split_by_package(examples, holdout)
    valid, test, began = valid[::2], test[:n_test], time.process_time()
    start = load_keep(keep, 'cpu')[0] if keep.exists() else None
    task = PointerTask(fit, valid, seed=seed, start=start)
    train(task, folder, TrainerConfig(steps=steps, warmup=60, validate_every=400, seed=seed), log_dir=folder/'log')
    net = load_pointer(folder, 'cpu')[0]
    prices = tune_prices(net, valid)
    rows = {'pointer': judge_pointer(net, test), 'pointer, path alone': judge_pointer(net, test, refine=False), 'pointer, searched prices': judge_pointer(net, test, prices),
            'keep_all': [edit_scores([(0, e.frames, 1)], pieces_of(e.regions), e.frames) for e in test]}
    if start is not None: rows['keep'] = judge_keep(start, test, load_keep(keep, 'cpu')[0].config)
    write_json(result, dict(holdout=holdout, seed=seed, steps=steps, start='keep' if start is not None else '', train=len(fit), rows=rows, delta=delta_scores(net, test), prices=prices.to_dict(),
                            cpu_s=round(time.process_time() - began)))
    return json.loads(result.read_text())


def table(results):
    "Markdown: a row for each package and editor, then the mean over all sessions."
    mean = lambda rows, k: f'{np.nanmean([np.nan if r[k] is None else r[k] for r in rows]):.{1 if k.endswith("_s") else 3}f}'
    lines = ['| left out | editor | n | ' + ' | '.join(COLUMNS.values()) + ' |', '|---|---|---:|' + '---:|' * len(COLUMNS)]
    for name, group in [(f"{r['holdout']}, seed {r['seed']}", [r]) for r in results] + [('all', results)]:
        for editor in group[0]['rows']:
            rows = [x for r in group for x in r['rows'].get(editor, [])]
            lines.append(f'| {name} | {editor} | {len(rows)} | ' + ' | '.join(mean(rows, k) for k in COLUMNS) + ' |')
    return '\n'.join(lines)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=50, help='sessions of each package')
    ap.add_argument('--synthetic', type=int, default=40, help='sessions of the synthetic band, only trained on')
    ap.add_argument('--test', type=int, default=20, help='of which so many test, when the package is left out')
    ap.add_argument('--steps', type=int, default=1300)
    ap.add_argument('--seed', type=int, default=0, help='of weights and batches')
    ap.add_argument('--only', nargs='*', help='packages to leave out; default: each')
    ap.add_argument('--jobs', type=int, help='processes that make sessions')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--keep', default='outputs/bench/keep', help='folds of bench/keep.py; where one is missing, the network begins knowing nothing')
    ap.add_argument('--out', default='outputs/bench/pointer')
    a = ap.parse_args()
    songs = find_songs(a.music)
    packages = sorted({s.package for s in songs})
    examples = [e for p in packages for e in build_examples([s for s in songs if s.package == p], a.sessions, 1, a.cache, RICH, jobs=a.jobs)]
    examples += synthetic_examples(a.synthetic, 1, RICH, a.cache, jobs=a.jobs)
    results = [fold(p, examples, Path(a.out)/f'{p}-seed{a.seed}', Path(a.keep)/f'{p}-seed{a.seed}'/'best.safetensors', a.steps, a.test, a.seed) for p in (a.only or packages)]
    print(table(results))
