"""How well the keep model edits music it has never heard: every package is left out in turn.

    make bench-keep ARGS='--music DIR'          all folds and the table
    python bench/keep.py --music DIR --only NAME one fold; run again, the finished ones are only read

DIR holds a folder for each package (an album, an artist). Sessions are made out of the music (and some of the synthetic band's), the model is trained on all packages but one and tested on sessions of that one, beside
two editors that know nothing. Results go to outputs/bench/keep/.
"""
import argparse, json, time
from pathlib import Path
from editorbot.core import write_json
from editorbot.evaluation import COLUMNS, mean_spread
from editorbot.keep_model import KeepConfig, load_keep
from editorbot.keep_training import TrainConfig, build_examples, judge, judge_trivial, split_by_package, synthetic_examples, train_keep, tune_decoder
from editorbot.sessions import find_songs


def fold(holdout, examples, folder, steps, n_test, seed):
    "Train without `holdout`, test on it; a finished fold is read."
    result = folder/'result.json'
    if result.exists(): return json.loads(result.read_text())
    train, valid, test = split_by_package(examples, holdout)
    test, start = test[:n_test], time.process_time()
    train_keep(train, valid, folder, KeepConfig(), TrainConfig(steps=steps, seed=seed), log_dir=folder/'log')
    net, _ = load_keep(folder, 'cpu')
    prices = tune_decoder(net, valid)
    rows = {'keep': judge(net, test, prices), **judge_trivial(test)}
    write_json(result, dict(holdout=holdout, seed=seed, steps=steps, train=len(train), rows=rows, prices=prices.to_dict(), cpu_s=round(time.process_time() - start)))
    return json.loads(result.read_text())


def table(results):
    "Markdown: a row for each package and editor, then the mean over all sessions."
    cell = lambda rows, k: '{:.{d}f} ± {:.{d}f}'.format(*mean_spread(rows, k), d=1 if k.endswith('_s') else 3)
    lines = ['| left out | editor | n | ' + ' | '.join(COLUMNS.values()) + ' |', '|---|---|---:|' + '---:|' * len(COLUMNS)]
    for name, group in [(r['holdout'], [r]) for r in results] + [('all', results)]:
        for editor in group[0]['rows']:
            rows = [x for r in group for x in r['rows'][editor]]
            lines.append(f'| {name} | {editor} | {len(rows)} | ' + ' | '.join(cell(rows, k) for k in COLUMNS) + ' |')
    return '\n'.join(lines)


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=50, help='sessions of each package')
    ap.add_argument('--synthetic', type=int, default=40, help='sessions of the synthetic band, only trained on')
    ap.add_argument('--test', type=int, default=20, help='of which so many test, when the package is left out')
    ap.add_argument('--steps', type=int, default=1600)
    ap.add_argument('--seed', type=int, default=0, help='of weights and batches')
    ap.add_argument('--only', nargs='*', help='packages to leave out; default: each')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--out', default='outputs/bench/keep')
    a = ap.parse_args()
    songs = find_songs(a.music)
    packages = sorted({s.package for s in songs})
    examples = [e for p in packages for e in build_examples([s for s in songs if s.package == p], a.sessions, 0, a.cache)]
    examples += synthetic_examples(a.synthetic, 0, folder=a.cache)
    results = [fold(p, examples, Path(a.out)/f'{p}-seed{a.seed}', a.steps, a.test, a.seed) for p in (a.only or packages)]
    print(table(results))
