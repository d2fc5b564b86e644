"""How well the pointer network edits music it was not trained on: every package is left out in turn.

    make bench-pointer ARGS='--music DIR'          all folds and the table
    python bench/pointer.py --music DIR --only NAME one fold; run again, the finished ones are only read
    make bench-pointer ARGS='--music DIR --sessions 20 --synthetic 0 --judge bench/networks'    the table of the networks that lie beside this file
    make bench-pointer ARGS='--music DIR --pack DIR2'    the networks of finished folds once more, in 8 bits a weight

As bench/keep.py, with sessions whose edits loop riffs and put a passage that was played once more in the place of the one that failed. Each fold begins with the keep model of the same fold (bench/keep.py, which was not
trained on the package either) and is judged beside it and beside editors without training; with --band it begins with a network that was trained on the synthetic band alone, one for all folds of a seed. Results go to
outputs/bench/pointer/.
"""
import itertools, json, time
from pathlib import Path

import numpy as np, torch

from editorbot.core import atomic_path, write_json
from editorbot.judging.cross_validation import fold_arguments, fold_folder, fold_intervals, fold_table, finished, folds
from editorbot.editors.keep_model import decode, load_keep
from editorbot.editors.keep_training import score_examples
from editorbot.pieces import edit_scores
from editorbot.pointer.pointer_network import PointerConfig, PointerNet, load_pointer
from editorbot.pointer.pointer_training import RICH, PointerRecipe, judge_pointer, net2wider, train_on_band, train_pointer
from editorbot.simulation.sessions import find_songs
from editorbot.nn.trainer import TrainerConfig

COLUMNS = dict(keep_f1='keep F1', cut_f1='cut F1', boundary_f1_3='boundary F1, 3 s', boundary_f1_05='0.5 s', count_f1='play-count F1', jump_f1_05='jump F1, 0.5 s', jump_f1_4='4 frames',
               pointer_accuracy='pointer accuracy', length_error_s='length error, s', junk_left_s='junk left, s', music_lost_s='music lost, s')


def judge_keep(net, examples, config):
    "The keep model on the same sessions: its regions are an edit that neither loops nor reorders."
    return [edit_scores([(a, b, 1) for a, b in decode(s, config)], e.pieces(), e.frames) for s, e in zip(score_examples(net, examples), examples)]


def judged(net, test):
    "The network with and without some of its stages, and an editor that knows nothing."
    return {'pointer': judge_pointer(net, test), 'pointer, no classifiers of takes': judge_pointer(net, test, skip=('retakes',)), 'pointer, path alone': judge_pointer(net, test, skip=('retakes', 'comping')),
            'keep_all': [edit_scores([(0, e.frames, 1)], e.pieces(), e.frames) for e in test]}


def packed(net, said, path):
    "Write a network to an *.npz: each row of a large matrix in steps of a 127th of its largest weight, everything else in half precision; what its checkpoint says lies beside it."
    out = {}
    for k, v in net.state_dict().items():
        v = v.numpy()
        if v.ndim > 1 and v.size > 2000 and not k.startswith(('comp', 'take')):
            step = np.maximum(np.abs(v).max(tuple(range(1, v.ndim)), keepdims=True), 1e-8) / 127
            out[k], out[k + '/step'] = np.round(v / step).astype(np.int8), step.astype(np.float32)
        else: out[k] = v.astype(np.float16) if v.dtype.kind == 'f' else v
    with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez_compressed(f, **out)
    write_json(path.with_suffix('.json'), said)
    return path


def network_of(folder, holdout, seed):
    "The network of a fold of an earlier run, or a packed one."
    at = fold_folder(folder, holdout, seed)
    path = at.parent/f'{at.name}.npz'
    if not path.exists(): return load_pointer(at, 'cpu')[0]
    net = PointerNet(PointerConfig.from_dict(json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))['config'], path))
    with np.load(path) as z: net.load_state_dict({k: torch.from_numpy(np.asarray(z[k] * z[k + '/step'] if k + '/step' in z else z[k])) for k in z.files if not k.endswith('/step')})
    return net.eval()


def run(fold, a):
    "Train without the package that is left out, test on it."
    if a.judge:
        net = network_of(a.judge, fold.holdout, fold.seed)
        return dict(holdout=fold.holdout, seed=fold.seed, rows=judged(net, fold.test))
    valid, test, began = fold.valid if a.also else fold.valid[::2], fold.test, time.process_time()
    keep = fold_folder(a.keep, fold.holdout, fold.seed)/'best.safetensors'
    start = load_keep(keep, 'cpu')[0] if keep.exists() else None
    begun = network_of(a.begin, fold.holdout, fold.seed) if a.begin else None
    if a.band: begun = train_on_band([e for e in fold.train if e.package == 'synthetic'], Path(a.out)/f'band-seed{fold.seed}', a.band, PointerConfig(width=a.width), PointerRecipe(crops=a.crops, wholes=a.wholes), seed=fold.seed)
    if a.widen > 1: begun = net2wider(begun, a.widen, seed=fold.seed)
    batches = fold.seed if a.batches is None else a.batches
    net, info = train_pointer(fold.train, valid, fold.folder, PointerConfig(width=a.width), PointerRecipe(crops=a.crops, wholes=a.wholes),
                              trainer=TrainerConfig(steps=a.steps, warmup=60, validate_every=max(1, min(400, a.steps // 4)), seed=batches),
                              start=begun or start, seed=batches, log_dir=fold.folder/'log', features=Path(a.cache)/'takes')
    rows = judged(net, test)
    if start is not None: rows['keep'] = judge_keep(start, test, start.config)
    return dict(holdout=fold.holdout, seed=fold.seed, steps=a.steps, start='pointer' if begun else 'keep' if start is not None else '', train=len(fold.train), rows=rows, comps=info['comps'], takes=info['takes'],
                cpu_s=round(time.process_time() - began))


if __name__ == '__main__':
    ap = fold_arguments(__doc__, 'outputs/bench/pointer', 1300)
    ap.add_argument('--keep', default='outputs/bench/keep', help='folds of bench/keep.py; where one is missing, the network begins knowing nothing')
    ap.add_argument('--judge', help='folds of an earlier run that are judged as they are; nothing is trained, so --sessions 20 --synthetic 0 is enough')
    ap.add_argument('--pack', help='a folder for the networks of finished folds, small: where --judge and --begin find them, too')
    ap.add_argument('--begin', help='folds of an earlier run to go on from')
    ap.add_argument('--band', type=int, default=0, help='steps on the synthetic band alone, before the folds; 0: none')
    ap.add_argument('--width', type=int, default=PointerConfig.width, help='channels of a new network')
    ap.add_argument('--crops', type=int, default=PointerRecipe.crops, help='stretches in a step; more on a GPU')
    ap.add_argument('--wholes', type=int, default=PointerRecipe.wholes, help='whole recordings in a step, likewise')
    ap.add_argument('--batches', type=int, help='seed of the batches, where they should differ from those of the earlier run; default: that of the weights')
    ap.add_argument('--widen', type=int, default=1, help='networks of the earlier run go on so many times as wide')
    a = ap.parse_args()
    if a.band and a.begin: ap.error('--band and --begin are two ways to begin: choose one')
    if a.widen > 1 and not (a.begin or a.band): ap.error('--widen needs --begin or --band, networks to go on from')
    if a.pack:
        for s, p in itertools.product(a.seed, a.only or sorted({s.package for s in find_songs(a.music)})): print(packed(*load_pointer(at := fold_folder(a.out, p, s), 'cpu'), Path(a.pack)/f'{at.name}.npz'))
        raise SystemExit
    if a.judge and a.out == ap.get_default('out'): a.out += '-judged'
    results = [finished(f.folder/'result.json', run, f, a) for f in folds(a, 1, RICH)]
    print(fold_table(results, COLUMNS, spread=False), fold_intervals(results, COLUMNS), sep='\n\n')
