"""What comparisons are worth: simulated raters, who are not people, compare edits; what was learnt is judged on music that nothing it learnt from was made of."""
import argparse, importlib.util, json
from pathlib import Path

import numpy as np

from editorbot.core import atomic_path
from editorbot.data.examples import load_example, music_example
from editorbot.feedback.edit_features import Scored, edit_features, path_features, pool, scored
from editorbot.feedback.raters import DISTANT, Truth, truth_of
from editorbot.nn.path_probability import log_z
from editorbot.personal.rules import RuleInput
from editorbot.pointer.pointer_network import Decoding
from editorbot.pointer.pointer_training import RICH, score_example
from editorbot.simulation.sessions import find_songs, session_seeds

spec = importlib.util.spec_from_file_location('bench_pointer', Path(__file__).with_name('pointer.py'))
bench_pointer = importlib.util.module_from_spec(spec); spec.loader.exec_module(bench_pointer)


def save_recording(path, r, t):
    "Write a scored recording and its truth, atomically."
    arrays = dict(plays=r.plays.astype(np.float32), onset=r.onset, offset=r.offset, kind=r.kind.astype(np.float32), own=r.rule.own, counts=t.counts.astype(np.int8), labels=t.kind)
    arrays |= {f'rule/{k}': np.asarray(v, np.float32) for k, v in r.rule.features.items()} | {f'wanted/{k}': v for k, v in t.wanted.items()}
    with atomic_path(path) as tmp, open(tmp, 'wb') as f: np.savez_compressed(f, **arrays, decoding=json.dumps(r.decoding.to_dict()))


def load_recording(path, name):
    "A scored recording and its truth."
    with np.load(path) as z:
        of = lambda head: {k[len(head):]: z[k] for k in z.files if k.startswith(head)}
        r = Scored(z['plays'].astype(float), z['onset'], z['offset'], z['kind'].astype(float), RuleInput(z['own'], of('rule/')), Decoding.from_dict(json.loads(str(z['decoding']))), name)
        return r, Truth(z['counts'].astype(int), z['labels'], of('wanted/'))


def recordings(a):
    "(package, recording, truth) of every session, scored by the network that never heard its package."
    songs, nets = find_songs(a.music), {}
    for i, seed in enumerate(session_seeds(a.sessions, 1)):
        for p in sorted({s.package for s in songs}):
            path = Path(a.out)/'scored'/f'{p}-{i}.npz'
            if not path.exists():
                if p not in nets: nets[p] = bench_pointer.network_of(a.networks, p, 0)
                e = load_example(music_example([s for s in songs if s.package == p], seed, RICH, a.cache))
                save_recording(path, scored(score_example(nets[p], e), f'{p}-{i}'), truth_of(e, DISTANT))
            yield p, *load_recording(path, f'{p}-{i}')


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', required=True, help='folder with a folder for each package')
    ap.add_argument('--sessions', type=int, default=12, help='of each package')
    ap.add_argument('--networks', default=str(Path(__file__).with_name('networks')), help='networks that never heard a package')
    ap.add_argument('--cache', default='data/cache/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/feedback', help='folder for results')
    a = ap.parse_args()
    for p, r, t in recordings(a): print(r.name, r.frames, len(r.own), flush=True)
