"""How well simpler editors do on music they have never heard: the other rows of the pointer network's table.

    make bench-baselines ARGS='--music DIR'           all folds and the table
    python bench/baselines.py --music DIR --only NAME  one fold; run again, what is finished is only read

DIR holds a folder for each package (an album, an artist). The sessions are those of the pointer network: takes, patches that replace a passage, riffs that are looped. Every package is left out in turn; what learns is
trained on the others. Results go to outputs/bench/baselines/PACKAGE-seedN/EDITOR/result.json.
"""
import argparse, json, logging, time
from pathlib import Path
import torch
from lightning_fabric import Fabric
from editorbot.baselines import BASELINES, DeltaFixed, Learned, delta_report, judge_editor, train_baseline
from editorbot.core import write_json
from editorbot.editor import KeepAll, Loudness
from editorbot.evaluation import mean_spread
from editorbot.keep_training import build_examples, split_by_package, synthetic_examples
from editorbot.pointer_training import RICH
from editorbot.sessions import find_songs

STEPS = {'slicer': 200, 'mel_to_mel': 240, 'delta': 60}
EDITORS = {e.name: e for e in (KeepAll, Loudness)} | BASELINES
COLUMNS = {'keep_f1': 'keep F1', 'cut_f1': 'cut F1', 'boundary_f1_05': 'boundary F1 0.5 s', 'boundary_f1_3': 'boundary F1 3 s', 'pointer_accuracy': 'pointer accuracy', 'count_f1': 'play-count F1',
           'jump_f1_4': 'jump F1 4 frames', 'jump_f1_05': 'jump F1 0.5 s', 'length_error_s': 'length error (s)'}


def fold(holdout, examples, folder, steps, n_test, n_valid, seed, editors):
    "Every editor on `holdout`, what learns trained without it; what is finished is read."
    train, valid, test = split_by_package(examples, holdout)
    test, out = test[:n_test], {}
    valid = [e for p in sorted({e.package for e in valid}) for e in [v for v in valid if v.package == p][:n_valid]]
    for name in editors:
        result = folder/name/'result.json'
        if not result.exists():
            kind, start = EDITORS[name], time.process_time()
            if issubclass(kind, Learned):
                net = train_baseline(kind.model, train, valid, folder/kind.model, round(steps * STEPS[kind.model]), seed, fabric=Fabric(accelerator='cpu', devices=1))
                editor = kind(net=net)
            else: editor = kind()
            trained = time.process_time() - start
            rows = judge_editor(editor, test)
            more = {'deltas': delta_report(net, test)} if kind is DeltaFixed else {}
            write_json(result, dict(holdout=holdout, editor=name, seed=seed, train=len(train), recordings=[e.name for e in test], rows=[{k: float(v) for k, v in r.items()} for r in rows],
                                    cpu_s=dict(training=round(trained, 1), test=round(time.process_time() - start - trained, 1)), **more))
            print(holdout, name, {k: round(mean_spread(rows, k)[0], 3) for k in COLUMNS}, flush=True)
        out[name] = json.loads(result.read_text())
    return out


def table(results):
    "Markdown: a row for each package and editor, then the mean over all sessions."
    cell = lambda rows, k: '{:.{d}f} ± {:.{d}f}'.format(*mean_spread(rows, k), d=1 if k.endswith('_s') else 3)
    lines = ['| left out | editor | n | ' + ' | '.join(COLUMNS.values()) + ' |', '|---|---|---:|' + '---:|' * len(COLUMNS)]
    for name, group in [(p, [r]) for p, r in results.items()] + [('all', list(results.values()))]:
        for editor in group[0]:
            rows = [x for r in group for x in r[editor]['rows']]
            lines.append(f'| {name} | {editor} | {len(rows)} | ' + ' | '.join(cell(rows, k) for k in COLUMNS) + ' |')
    return '\n'.join(lines)


def delta_table(results):
    "Markdown: what the delta formulations say, beside what says nothing."
    names = {'in_reach': 'within reach', 'accuracy': 'accuracy', 'always_zero': 'always 0', 'accuracy_non_zero': 'accuracy where not 0', 'free_running': 'pointer accuracy, free-running'}
    found = [r['delta_fixed']['deltas'] for r in results.values() if 'delta_fixed' in r]
    lines = ['| formulation | ' + ' | '.join(names.values()) + ' |', '|---|' + '---:|' * len(names)] if found else []
    return '\n'.join(lines + [f'| {k} | ' + ' | '.join(f'{mean_spread([d[k] for d in found], n)[0]:.4f}' for n in names) + ' |' for k in (found[0] if found else ())])


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=50, help='sessions of each package')
    ap.add_argument('--synthetic', type=int, default=40, help='sessions of the synthetic band, only trained on')
    ap.add_argument('--test', type=int, default=20, help='of which so many test, when the package is left out')
    ap.add_argument('--valid', type=int, default=3, help='sessions of every other package that choose a threshold')
    ap.add_argument('--steps', type=float, default=1.0, help=f'of training, as a multiple of {STEPS}')
    ap.add_argument('--seed', type=int, default=0, help='of weights and batches')
    ap.add_argument('--editors', nargs='*', default=list(EDITORS), choices=list(EDITORS))
    ap.add_argument('--only', nargs='*', help='packages to leave out; default: each')
    ap.add_argument('--jobs', type=int, help='processes that make sessions; default: one a core')
    ap.add_argument('--cache', default='data/cache/sessions')
    ap.add_argument('--out', default='outputs/bench/baselines')
    a = ap.parse_args()
    torch.set_num_threads(1)
    logging.getLogger('editorbot.beats').setLevel(logging.ERROR)             # sessions are full of talk: no pulse is no news
    songs = find_songs(a.music)
    packages = sorted({s.package for s in songs})
    examples = [e for p in packages for e in build_examples([s for s in songs if s.package == p], a.sessions, 1, a.cache, RICH, jobs=a.jobs)]
    examples += synthetic_examples(a.synthetic, 1, RICH, a.cache, jobs=a.jobs)
    results = {p: fold(p, examples, Path(a.out)/f'{p}-seed{a.seed}', a.steps, a.test, a.valid, a.seed, a.editors) for p in (a.only or packages)}
    print(table(results))
    print(delta_table(results))
