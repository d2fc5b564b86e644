"""How well simpler editors do on music they were not trained on: the other rows of the pointer network's table.

    make bench-baselines ARGS='--music DIR'           all folds and the table
    python bench/baselines.py --music DIR --only NAME  one fold; run again, what is finished is only read

DIR holds a folder for each package (an album, an artist). The sessions are those of the pointer network: takes, patches that replace a passage, riffs that are looped. Every package is left out in turn; what learns is
trained on the others. Results go to outputs/bench/baselines/PACKAGE-seedN/EDITOR/result.json.
"""
import logging, time

import torch
from lightning_fabric import Fabric

from editorbot.pointer.baselines import BASELINES, DeltaFixed, Learned, delta_report, judge_editor, train_baseline
from editorbot.editors.editor import KeepAll, Loudness
from editorbot.metrics import mean_spread
from editorbot.judging.cross_validation import fold_arguments, fold_intervals, fold_table, finished, folds
from editorbot.pointer.pointer_training import RICH

STEPS = {'slicer': 200, 'mel_to_mel': 240, 'delta': 60}
EDITORS = {e.name: e for e in (KeepAll, Loudness)} | BASELINES
COLUMNS = {'keep_f1': 'keep F1', 'cut_f1': 'cut F1', 'boundary_f1_05': 'boundary F1 0.5 s', 'boundary_f1_3': 'boundary F1 3 s', 'pointer_accuracy': 'pointer accuracy', 'count_f1': 'play-count F1',
           'jump_f1_4': 'jump F1 4 frames', 'jump_f1_05': 'jump F1 0.5 s', 'length_error_s': 'length error (s)'}


def run(name, fold, valid, a):
    "One editor on the package that is left out; what learns is trained without it."
    kind, start = EDITORS[name], time.process_time()
    if issubclass(kind, Learned):
        net = train_baseline(kind.model, fold.train, valid, fold.folder/kind.model, round(a.steps * STEPS[kind.model]), fold.seed, fabric=Fabric(accelerator='cpu', devices=1))
        editor = kind(net=net)
    else: editor = kind()
    trained = time.process_time() - start
    rows = judge_editor(editor, fold.test)
    more = {'deltas': delta_report(net, fold.test)} if kind is DeltaFixed else {}
    print(fold.holdout, name, {k: round(mean_spread(rows, k)[0], 3) for k in COLUMNS}, flush=True)
    return dict(holdout=fold.holdout, editor=name, seed=fold.seed, train=len(fold.train), recordings=[e.name for e in fold.test], rows=[{k: float(v) for k, v in r.items()} for r in rows],
                cpu_s=dict(training=round(trained, 1), test=round(time.process_time() - start - trained, 1)), **more)


def run_editors(fold, a):
    "Every editor on the package that is left out: the result of a fold."
    valid = [e for p in sorted({e.package for e in fold.valid}) for e in [v for v in fold.valid if v.package == p][:a.valid]]
    found = {name: finished(fold.folder/name/'result.json', run, name, fold, valid, a) for name in a.editors}
    return dict(holdout=fold.holdout, seed=fold.seed, rows={name: r['rows'] for name, r in found.items()}, deltas=found.get('delta_fixed', {}).get('deltas'))


def delta_table(results):
    "Markdown: what the delta formulations say, beside what says nothing."
    names = {'in_reach': 'within reach', 'accuracy': 'accuracy', 'always_zero': 'always 0', 'accuracy_non_zero': 'accuracy where not 0', 'free_running': 'pointer accuracy, free-running'}
    found = [r['deltas'] for r in results if r['deltas']]
    lines = ['| formulation | ' + ' | '.join(names.values()) + ' |', '|---|' + '---:|' * len(names)] if found else []
    return '\n'.join(lines + [f'| {k} | ' + ' | '.join(f'{mean_spread([d[k] for d in found], n)[0]:.4f}' for n in names) + ' |' for k in (found[0] if found else ())])


if __name__ == '__main__':
    ap = fold_arguments(__doc__, 'outputs/bench/baselines', 1.0, f'of training, as a multiple of {STEPS}')
    ap.add_argument('--valid', type=int, default=3, help='sessions of every other package that choose a threshold')
    ap.add_argument('--editors', nargs='*', default=list(EDITORS), choices=list(EDITORS))
    a = ap.parse_args()
    torch.set_num_threads(1)
    logging.getLogger('editorbot.sound.beats').setLevel(logging.ERROR)             # sessions are full of talk: no pulse is no news
    results = [run_editors(f, a) for f in folds(a, 1, RICH)]
    print(fold_table(results, COLUMNS), fold_intervals(results, COLUMNS), sep='\n\n')
    print(delta_table(results))
