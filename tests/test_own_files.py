"""No command replaces a file that it did not make: every output of every command is put there first, as a file of the user's, and must survive."""
import hashlib, shutil
from pathlib import Path

import numpy as np, pytest, soundfile as sf
from click.testing import CliRunner
from editorbot.app.cli import main
from editorbot.edl import Source, edl_from_regions

SR = 22050
pytestmark = pytest.mark.timeout(600)


def sound(seconds: float, seed: int) -> np.ndarray:
    "Quiet, a long loud stretch, quiet."
    n, rng = int(seconds * SR), np.random.default_rng(seed)
    return np.repeat([.004, .5, .5, .5, .004], -(-n // 5))[:n] * np.sin(2 * np.pi * 220 * np.arange(n) / SR) * rng.uniform(.4, 1, n)


def jam(place: Path) -> Path:
    sf.write(place/'jam.wav', np.stack([sound(30, 0)] * 2, 1), SR, subtype='PCM_24')
    return place/'jam.wav'


def an_edl(place: Path):
    raw = jam(place)
    return raw, edl_from_regions(Source.from_file(raw), [(6 * SR, 12 * SR), (15 * SR, 20 * SR)]).save(place/'a.edl.json')


def a_data_folder(place: Path) -> Path:
    "One pair, aligned."
    from editorbot.rendering import render
    for sub in ('input', 'desired_output'): (place/'data'/sub).mkdir(parents=True)
    raw, edl = an_edl(place)
    shutil.copy(raw, place/'data/input/a_raw.wav')
    render(edl_from_regions(Source.from_file(place/'data/input/a_raw.wav'), [(6 * SR, 20 * SR)]), place/'data/desired_output/a_edit.wav', show=False)
    return place/'data'


def demo(place): return ['demo', '-o', place/'out']
def edit(place): return ['edit', jam(place), '-o', place/'out/best.wav', '--editor', 'loudness', '--report']
def render(place): return ['render', *an_edl(place), '-o', place/'out/a.wav']
def align(place): return ['align', jam(place), jam(place), '-o', place/'out', '--npz', place/'out/a.npz']
def precache(place): return ['precache', '--data', a_data_folder(place), '-j', 1]
def import_(place):
    raw, edl = an_edl(place)
    call(['export', edl, '-o', place/'a.rpp'])
    return ['import', place/'a.rpp', '-o', place/'out/b.edl.json']
def evaluate(place):
    data = a_data_folder(place)
    call(['align', '--all', '--data', data])
    return ['evaluate', '--leaderboard', '--data', data, '--editors', 'keep_all', '-o', place/'out']
def sessions(place):
    from editorbot.simulation.band import synth_song
    (place/'music').mkdir()
    for k in range(3): sf.write(place/'music'/f'{k}.wav', synth_song(k, 25, SR), SR)
    return ['sessions', place/'music', '-n', 1, '-o', place/'out', '--minutes', 1, 1.2, '-j', 1]
def repair(place):
    whole = jam(place).read_bytes()
    at = whole.index(b'data') + 4
    (place/'jam.wav').write_bytes(whole[:at] + bytes(4) + whole[at+4:])                    # the power went before the size was written
    return ['repair', place/'jam.wav', '-o', place/'out/whole.wav']
def rate(place): return ['rate', '--data', place/'out', '--export', place/'out/answers.jsonl']
def export_to(to):
    def export(place): return ['export', an_edl(place)[1], '--to', to, '-o', place/'out/a']
    return export

COMMANDS = dict(demo=demo, edit=edit, render=render, align=align, precache=precache, evaluate=evaluate, sessions=sessions, repair=repair, rate=rate, **{'import': import_},
                **{f'export --to {to}': export_to(to) for to in ('rpp', 'aaf', 'otio', 'audacity', 'csv', 'ardour')})
# train: what it writes is decided in app.runs, whose notebook shows that it refuses; cache: what lies in data/cache is the library's own by definition
# songs: test_songs.py; view writes nothing by itself: its notebook shows what its buttons do
ELSEWHERE = {'train', 'cache', 'songs', 'view'}
OURS = ('data/cache/',)                 # a cache: what can't be believed there is made again


def test_every_command_is_tried():
    tried = {name.split()[0] for name in COMMANDS} | ELSEWHERE
    assert set(main.commands) <= tried, f'say in COMMANDS what these write: {set(main.commands) - tried}'


def tree(folder: Path) -> dict: # without what SQLite itself puts beside a database that is open
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*'))
            if p.is_file() and not p.name.endswith(('-wal', '-shm'))}


def call(words): return CliRunner().invoke(main, [str(w) for w in words])


@pytest.mark.parametrize('name', COMMANDS)
def test_no_command_replaces_what_it_did_not_make(name, tmp_path):
    words = COMMANDS[name](tmp_path)
    before = tree(tmp_path)
    assert (r := call(words)).exit_code == 0, r.output
    made = sorted(p for p in tree(tmp_path).keys() - before.keys() if p.name != '.editorbot.json' and not p.as_posix().startswith(OURS))
    assert made
    for p in made:
        for q in tree(tmp_path).keys() - before.keys(): (tmp_path/q).unlink()
        for q in tmp_path.rglob('*.sqlite-*'): q.unlink()
        (tmp_path/p).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/p).write_text("the user's own")
        here = tree(tmp_path)
        r = call(words)
        now = {k: v for k, v in tree(tmp_path).items() if not k.as_posix().startswith(OURS)}
        assert now == {k: v for k, v in here.items() if not k.as_posix().startswith(OURS)}, f'{name} replaced {p} or wrote beside it'
        assert r.exit_code == (1 if name == 'precache' else 2) and p.name in r.output, r.output           # precache goes on with the other pairs
