"""Faults of the place where outputs go: a disk that is full, a folder that becomes read-only in the middle, two processes in one data folder."""
import json, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np, pytest, soundfile as sf
from click.testing import CliRunner
from editorbot.app.cli import main
from editorbot.core import EditorbotError
from editorbot.edl import Source, SyncTrack, edl_from_regions

SR = 22050
OURS = ('.editorbot.json', '.songs.npz')          # hidden files that are meant to stay: the ledger, and what songs has found
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def disk(tmp_path):
    "A file system of 300 KB, where this user may mount one."
    place = tmp_path/'disk'
    place.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=300k', 'tmpfs', place], capture_output=True, check=False).returncode:
        pytest.skip('no right to mount a file system')
    yield place
    subprocess.run(['umount', '-l', place], check=True)


def jam(place: Path, seconds: int = 30, seed: int = 0) -> Path:
    from editorbot.simulation.band import synth_song
    place.parent.mkdir(parents=True, exist_ok=True)
    sf.write(place, synth_song(seed, seconds, SR), SR, subtype='PCM_16')
    return place


def an_edl(raw: Path): return edl_from_regions(Source.from_file(raw), [(SR, 12 * SR), (15 * SR, 28 * SR)])


def one_line(args) -> str:
    "What a command that fails says."
    done = CliRunner().invoke(main, [str(a) for a in args])
    assert done.exit_code, done.output
    if done.exception is not None and not isinstance(done.exception, SystemExit): assert isinstance(done.exception, EditorbotError), repr(done.exception)
    said = str(done.exception) if isinstance(done.exception, EditorbotError) else done.output.strip()
    assert 'Traceback' not in done.output and len(said.splitlines()) == 1, said
    return said


def whole(p: Path) -> bool:
    "Is a file what its name says, from its beginning to its end?"
    if p.name.startswith('.') and p.name not in OURS: return False
    if p.suffix in ('.npy', '.npz'): np.load(p)
    if p.suffix == '.json': json.loads(p.read_text(encoding='utf-8'))
    return p.suffix not in ('.wav', '.flac') or len(sf.read(p)[0]) == sf.info(p).frames > 0


def left(place: Path) -> list[str]: return sorted(str(p.relative_to(place)) for p in place.rglob('*') if p.is_file())


COMMANDS = {'render': lambda raw, edl, out: ['render', raw, edl, '-o', out/'edit.wav'],
            'flac': lambda raw, edl, out: ['render', raw, edl, '-o', out/'edit.flac'],
            'edit': lambda raw, edl, out: ['edit', raw, '-o', out/'edit.wav', '--editor', 'loudness'],
            'align': lambda raw, edl, out: ['align', raw, raw, '-o', out/'alignment', '--npz', out/'all.npz'],
            'export': lambda raw, edl, out: ['export', edl, '-o', out/'edit.aaf'],
            'songs': lambda raw, edl, out: ['songs', raw, '-o', out/'songs'],
            'repair': lambda raw, edl, out: ['repair', raw, '-o', out/'copy.wav']}


@pytest.mark.parametrize('command', COMMANDS)
def test_a_full_disk(tmp_path, disk, command):
    "One line that names the file, nothing half-written, and with more room the same command completes."
    raw = jam(tmp_path/'jam.wav')
    edl = an_edl(raw).save(tmp_path/'a.edl.json')
    if command in ('export', 'align'): (disk/'mine.bin').write_bytes(bytes(290_000))
    said = one_line(COMMANDS[command](raw, edl, disk))
    assert str(disk) in said or 'space' in said, said
    for p in left(disk): assert whole(disk/p), p
    subprocess.run(['mount', '-o', 'remount,size=20m', disk], check=True)
    done = CliRunner().invoke(main, [str(a) for a in COMMANDS[command](raw, edl, disk)])
    assert done.exit_code == 0, (done.output, done.exception)


def test_precache_on_a_full_disk(tmp_path, disk):
    "The samples that don't fit are reported, one line each; with room the same command completes."
    for k in range(2):
        jam(tmp_path/f'data/input/s{k}_raw.wav', 12, k)
        jam(tmp_path/f'data/desired_output/s{k}_edit.wav', 12, k)
    (tmp_path/'data/cache').symlink_to(disk)
    done = CliRunner().invoke(main, ['precache', '--data', str(tmp_path/'data'), '-j', '1', '--features', 'basic'])
    assert done.exit_code and 'Traceback' not in done.output
    assert all(whole(disk/p) for p in left(disk))
    subprocess.run(['mount', '-o', 'remount,size=20m', disk], check=True)
    done = CliRunner().invoke(main, ['precache', '--data', str(tmp_path/'data'), '-j', '1', '--features', 'basic'])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ['cache', 'verify', '--data', str(tmp_path/'data')]).exit_code == 0


def test_a_folder_becomes_read_only_in_the_middle(tmp_path, disk, monkeypatch):
    "After the first of three files: one line, and what is there is whole."
    from editorbot.interchange import tracks
    subprocess.run(['mount', '-o', 'remount,size=20m', disk], check=True)
    raw, bass = jam(tmp_path/'jam.wav'), jam(tmp_path/'bass.wav', seed=1)
    edl = an_edl(raw)
    edl = type(edl)(edl.source, edl.segments, edl.meta, (SyncTrack('bass', Source.from_file(bass)),))
    real = tracks.render_with_chunks
    def then_locked(*a, **k):
        out = real(*a, **k)
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
        return out
    monkeypatch.setattr(tracks, 'render_with_chunks', then_locked)
    with pytest.raises(EditorbotError) as e: tracks.render_together(edl, disk/'edit.wav')
    assert len(str(e.value).splitlines()) == 1 and 'edit_bass.wav' in str(e.value)
    assert left(disk) == ['edit.wav'] and len(sf.read(disk/'edit.wav')[0]) == edl.edit_frames


def test_two_processes_in_one_data_folder(tmp_path):
    "Both end well, nothing is half-written, and together they made what one makes alone."
    data = tmp_path/'data'
    for k in range(2):
        jam(data/f'input/s{k}_raw.wav', 12, k)
        jam(data/f'desired_output/s{k}_edit.wav', 12, k)
    run = lambda _: subprocess.run([sys.executable, '-c', 'from editorbot.app.cli import main; main()', 'precache', '--data', str(data), '-j', '1',
                                    '--features', 'basic'], capture_output=True, text=True, check=False)
    with ThreadPoolExecutor(2) as pool: done = list(pool.map(run, range(2)))
    assert [d.returncode for d in done] == [0, 0], [d.stderr[-2000:] for d in done]
    assert all(whole(data/p) for p in left(data))
    again = run(0)
    assert again.returncode == 0 and '2 cached' in again.stdout, again.stdout
    assert CliRunner().invoke(main, ['cache', 'verify', '--data', str(data)]).exit_code == 0
