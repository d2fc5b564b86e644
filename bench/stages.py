"""What each stage of the pointer network is worth: every stage left out, one at a time.

    make bench-stages ARGS='--music DIR --sessions 20 --cache DIR2'

The networks of bench/networks, each on the first sessions of the package that was left out, and the shipped network on rehearsals of the synthetic band with other seeds than it learnt from; on some of them nothing is
played again (no retakes, no failed passages). Each recording is scored once; the edits without a stage are compared with the whole edit of the same recording. Differences are paired, intervals are 95 % bootstrap intervals
over recordings. A run that was interrupted goes on where it stopped. Results go to outputs/bench/stages/.
"""
import argparse, importlib.util, json
from functools import partial
from pathlib import Path

import numpy as np

from editorbot.core import write_json
from editorbot.editors.editor import Draft, run_stages
from editorbot.data.examples import load_example, music_example, synthetic_example
from editorbot.judging.leaderboard import bootstrap
from editorbot.pointer.pointer_network import STAGES, load_pointer
from editorbot.pieces import edit_scores, pieces_of
from editorbot.pointer.pointer_training import RICH, score_example
from editorbot.simulation.sessions import find_songs, session_seeds

spec = importlib.util.spec_from_file_location('bench_pointer', Path(__file__).with_name('pointer.py'))
bench_pointer = importlib.util.module_from_spec(spec); spec.loader.exec_module(bench_pointer)

COLUMNS = dict(keep_f1='keep F1', boundary_f1_05='boundary F1, 0.5 s', boundary_f1_3='boundary F1, 3 s', jump_f1_05='jump F1, 0.5 s', jump_f1_4='jump F1, 4 frames')
OPTIONAL = [s.name for s in STAGES if s.evidence]
EDITS = {'all stages': (), **{f'without {name}': (name,) for name in OPTIONAL}, 'path and order': tuple(n for n in OPTIONAL if n != 'order')}
ONCE = RICH.replace(patches=0., attempts=0., kinds=tuple(k for k in RICH.kinds if k not in ('false_start', 'spoilt_take', 'repeat')))   #: nothing is played again


def music(songs, seed, cache):
    "An example made of real songs."
    return load_example(music_example(songs, seed, RICH, cache))


def edits_of(net, example):
    "Scores of the edit of a recording with all stages, and without each."
    s = score_example(net, example)
    made = {name: run_stages(STAGES, Draft(s.frames, scores=s), skip)[0].pieces for name, skip in EDITS.items()}
    return {name: edit_scores(p, pieces_of(example.regions), example.frames) for name, p in made.items()}


def collections(a):
    "(collection, recording, network, how to get the example) for everything that is judged."
    songs = find_songs(a.music) if a.music else []
    packages = sorted({s.package for s in songs})
    seeds = session_seeds(a.sessions, 1)
    for i, seed in enumerate(seeds):
        for p in packages: yield 'held-out music', f'{p}-{i}', p, partial(music, [s for s in songs if s.package == p], seed, a.cache)
    for name, config in (('synthetic band', RICH), ('band, nothing played again', ONCE)):
        for i, seed in enumerate(session_seeds(a.band, 777)): yield name, f'band-{i}', '', partial(synthetic_example, seed, config, a.cache)


def judged(a):
    "Collection -> rows, one a recording."
    nets, out = {}, {}
    for name, recording, package, example in collections(a):
        path = Path(a.out)/name.replace(' ', '-').replace(',', '')/f'{recording}.json'
        if not path.exists():
            if package not in nets: nets[package] = bench_pointer.network_of(a.networks, package, 0) if package else load_pointer(None, 'cpu')[0]
            write_json(path, edits_of(nets[package], example()))
        out.setdefault(name, []).append(json.loads(path.read_text(encoding='utf-8')))
    return out


def table(results):
    "Markdown and the same as a dictionary: means with all stages, and paired differences without each."
    value = lambda row, edit, k: np.nan if row[edit][k] is None else row[edit][k]
    lines, out = ['| recordings | n | edit | ' + ' | '.join(COLUMNS.values()) + ' |', '|---|---:|---|' + '---:|' * len(COLUMNS)], {}
    for name, rows in results.items():
        for edit in EDITS:
            cells = {k: bootstrap([value(r, edit, k) - (value(r, 'all stages', k) if edit != 'all stages' else 0) for r in rows]) for k in COLUMNS}
            out.setdefault(name, dict(n=len(rows)))[edit] = {k: [round(v, 4) for v in c] for k, c in cells.items()}
            sign = '' if edit == 'all stages' else '+'
            lines.append(f'| {name} | {len(rows)} | {edit} | ' + ' | '.join(f'{m:{sign}.3f} ({lo:{sign}.3f} to {hi:{sign}.3f})' for m, lo, hi in cells.values()) + ' |')
    return '\n'.join(lines), out


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--music', help='folder with a folder for each package; default: the synthetic band alone')
    ap.add_argument('--sessions', type=int, default=20, help='of each package')
    ap.add_argument('--band', type=int, default=20, help='rehearsals of the synthetic band, of each kind')
    ap.add_argument('--networks', default=str(Path(__file__).with_name('networks')), help='networks, each trained without a package')
    ap.add_argument('--cache', default='data/cache/sessions', help='folder for sessions')
    ap.add_argument('--out', default='outputs/bench/stages', help='folder for results')
    a = ap.parse_args()
    text, out = table(judged(a))
    write_json(Path(a.out)/'stages.json', out)
    print(text)
