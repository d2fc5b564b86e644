"""How well the keep model edits music it was not trained on: every package is left out in turn.

    make bench-keep ARGS='--music DIR'          all folds and the table
    python bench/keep.py --music DIR --only NAME one fold; run again, the finished ones are only read

DIR holds a folder for each package (an album, an artist). Sessions are made out of the music (and some of the synthetic band's), the model is trained on all packages but one and tested on sessions of that one, beside
two editors that know nothing. Results go to outputs/bench/keep/.
"""
import time

from editorbot.metrics import COLUMNS
from editorbot.judging.cross_validation import fold_arguments, fold_intervals, fold_table, finished, folds
from editorbot.editors.keep_model import KeepConfig, load_keep
from editorbot.editors.keep_training import TrainConfig, judge, judge_trivial, train_keep, tune_penalties


def run(fold, a):
    "Train without the package that is left out, test on it."
    start = time.process_time()
    train_keep(fold.train, fold.valid, fold.folder, KeepConfig(), TrainConfig(steps=a.steps, seed=fold.seed), log_dir=fold.folder/'log')
    net, _ = load_keep(fold.folder, 'cpu')
    prices = tune_penalties(net, fold.valid)
    rows = {'keep': judge(net, fold.test, prices), **judge_trivial(fold.test)}
    return dict(holdout=fold.holdout, seed=fold.seed, steps=a.steps, train=len(fold.train), rows=rows, prices=prices.to_dict(), cpu_s=round(time.process_time() - start))


if __name__ == '__main__':
    a = fold_arguments(__doc__, 'outputs/bench/keep', 1600).parse_args()
    results = [finished(f.folder/'result.json', run, f, a) for f in folds(a, 0)]
    print(fold_table(results, COLUMNS), fold_intervals(results, COLUMNS), sep='\n\n')
