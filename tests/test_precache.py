"""The cache as it is used in earnest: by several processes at once, on a Dask cluster, by people who type wrong things and switch machines off."""
import json, os, shutil, signal, subprocess, sys, time
from pathlib import Path

import numpy as np, pytest, soundfile as sf
from click.testing import CliRunner

from editorbot.data.cache import CacheConfig, CachePaths, cache_sample, entry_header, inspect_cache, load_features, precache, stamp, write_npz
from editorbot.app.cli import main
from editorbot.core import EditorbotError
from editorbot.edl import EDL, Source
from editorbot.rendering import render
from editorbot.simulation.band import synth_song

SR = 22050


def run(*words):
    "The command in this process, with its exit code, stdout and stderr; how it behaves in one of its own is test_cli's business."
    return CliRunner().invoke(main, [str(w) for w in words])


def start(*words):
    return subprocess.Popen([sys.executable, '-c', 'from editorbot.app.cli import main; main()', *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory) -> Path:
    "Four pairs of 12 to 18 s with their EDLs, so that nothing needs aligning."
    data = tmp_path_factory.mktemp('pairs')/'data'
    for sub in ('input', 'desired_output', 'pointer_sequences'): (data/sub).mkdir(parents=True)
    for k in range(4):
        raw = data/'input'/f's{k}_raw.wav'
        sf.write(raw, synth_song(k, 12 + 2 * k, SR), SR)
        edl = EDL.from_regions(Source.from_file(raw), [(SR, 5 * SR), (7 * SR, 11 * SR)])
        render(edl, data/'desired_output'/f's{k}_edit.wav', show=False)
        edl.save(data/'pointer_sequences'/f's{k}.edl.json')
    return data


@pytest.fixture
def data(pairs, tmp_path) -> Path:
    "A folder of one's own with the four pairs."
    shutil.copytree(pairs, tmp_path/'data')
    return tmp_path/'data'


def entries(data: Path) -> dict: return {p.relative_to(data).as_posix(): p.read_bytes() for p in sorted((data/'cache').rglob('*.npz'))}


def sound(data: Path): assert [e.fault for e in inspect_cache(data, all_bytes=True) if e.fault] == []


def test_processes_do_not_matter(data):
    assert [r.state for r in precache(data, jobs=1)] == ['made'] * 4
    one = entries(data)
    assert len(one) == 12                                                                 # raw, edit and labels of four samples
    shutil.rmtree(data/'cache')
    assert [r.state for r in precache(data, jobs=2)] == ['made'] * 4
    assert entries(data) == one
    sound(data)


def test_two_commands_on_one_folder_share_the_work(data):
    both = [start('precache', '--data', data, '-j', 1) for _ in range(2)]
    out = [p.communicate(timeout=300) for p in both]
    assert [p.returncode for p in both] == [0, 0], out
    states = [{w[0]: w[1] for line in o.splitlines() if len(w := line.split()) > 5 and w[1] in ('made', 'cached')} for o, _ in out]
    assert [{s[f's{k}'] for s in states} for k in range(4)] == [{'made', 'cached'}] * 4     # each sample by one of them; the other finds it
    sound(data)
    assert [r.state for r in precache(data, jobs=1)] == ['cached'] * 4
    assert not [p for p in (data/'cache').rglob('.*') if p.is_file()]


@pytest.mark.slow
def test_a_run_that_was_killed_continues(data):
    p = start('precache', '--data', data, '-j', 1)
    end = time.time() + 120
    while not list((data/'cache').rglob('*.npz')) and time.time() < end and p.poll() is None: time.sleep(0.02)
    p.send_signal(signal.SIGKILL); p.communicate()
    for e in (data/'cache').rglob('*.npz'):                                               # what is there is whole
        if not e.name.startswith('.'): np.load(e).close()
    reports = precache(data, jobs=1)
    assert not any(r.error for r in reports)
    sound(data)


@pytest.mark.slow
def test_dask_cluster_of_two_workers(data, tmp_path):
    distributed = pytest.importorskip('distributed', reason="Dask is not installed (pip install 'editorbot[cluster]')")
    assert not any(r.error for r in precache(data, jobs=1))
    want = entries(data)
    shutil.rmtree(data/'cache')
    bad = data/'input'/'zbad_raw.wav'
    bad.write_bytes(b'RIFF' + b'nonsense' * 99); shutil.copy(data/'desired_output'/'s0_edit.wav', data/'desired_output'/'zbad_edit.wav')
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host='127.0.0.1', local_directory=str(tmp_path/'dask')) as cluster:
        cluster.wait_for_workers(2)
        reports = precache(data, scheduler=cluster.scheduler_address)
    assert {r.name: r.state for r in reports} == {'s0': 'made', 's1': 'made', 's2': 'made', 's3': 'made', 'zbad': 'failed'}
    assert entries(data) == want
    for p in (bad, data/'desired_output'/'zbad_edit.wav'): p.unlink()
    sound(data)


def test_no_cluster_there(data):
    pytest.importorskip('distributed')
    r = run('precache', '--data', data, '--scheduler', 'tcp://127.0.0.1:9')
    assert r.exit_code == 2 and '--scheduler' in r.stderr and 'Traceback' not in r.stderr, r.stderr


def test_one_bad_file_is_reported_and_skipped(data):
    good = (data/'input'/'s1_raw.wav').read_bytes()
    (data/'input'/'s1_raw.wav').write_bytes(good[:len(good) // 2])
    (data/'desired_output'/'s2_edit.wav').unlink()
    r = run('precache', '--data', data, '-j', 1)
    assert r.exit_code == 1 and 'Traceback' not in r.stderr, r.stderr
    assert '2 made, 0 cached, 2 failed' in r.stdout and 'cut short' in r.stdout and 'no edit' in r.stdout, r.stdout
    assert not list((data/'cache').rglob('s1_*.npz'))
    (data/'input'/'s1_raw.wav').write_bytes(good)
    r = run('precache', 's1', '--data', data, '-j', 1)
    assert r.exit_code == 0 and '1 made, 0 cached, 0 failed' in r.stdout, (r.stdout, r.stderr)


@pytest.mark.parametrize('words, has', [(['--features', 'huge'], "'huge'"), (['-j', '0'], '--jobs'), (['--tracker', 'ear'], "'ear'"), (['s0', 'sO'], 'sO'), (['--data', 'no/where'], 'no such folder')])
def test_wrong_words(data, words, has):
    r = run('precache', *words, *([] if '--data' in words else ['--data', data]))
    lines = [line for line in r.stderr.splitlines() if line.strip()]
    assert r.exit_code == 2 and len(lines) == 1 and lines[0].startswith('editorbot: ') and has in lines[0], (r.exit_code, r.stderr)
    assert not (data/'cache').exists()


def test_status_verify_prune(data):
    assert run('precache', '--data', data, '-j', 1).exit_code == 0
    assert run('cache', 'verify', '--data', data).exit_code == 0
    entry = CachePaths(data).features('s0')
    b = bytearray(entry.read_bytes()); b[len(b) // 2] ^= 1; entry.write_bytes(b)
    with pytest.raises(EditorbotError, match='wrong checksum in mel'): load_features(entry, data/'input'/'s0_raw.wav')
    r = run('cache', 'verify', '--data', data)
    assert r.exit_code == 1 and 's0_raw.npz' in r.stdout and 'checksum' in r.stdout
    assert 'would go' in run('cache', 'prune', '--verify', '--dry-run', '--data', data).stdout and entry.exists()
    assert run('cache', 'prune', '--verify', '--data', data).exit_code == 0 and not entry.exists()
    assert run('precache', '--data', data, '-j', 1).exit_code == 0 and run('cache', 'verify', '--data', data).exit_code == 0


def test_a_flipped_bit_is_made_again(data):
    assert run('precache', '--data', data, '-j', 1).exit_code == 0
    for entry in (CachePaths(data).features('s1'), CachePaths(data).labels('s1')):
        whole = entry.read_bytes()
        b = bytearray(whole); b[-len(b) // 3] ^= 4; entry.write_bytes(b)
        r, = precache(data, ['s1'], jobs=1)
        assert not r.error and list(r.steps.values()).count('made') == 1 and entry.read_bytes() == whole


def test_full_features_and_stems(data):
    reports = precache(data, ['s0'], features='full', jobs=1)
    assert [r.state for r in reports] == ['made'] and not reports[0].error
    c = load_features(CachePaths(data).features('s0'), data/'input'/'s0_raw.wav', CacheConfig('full'))
    assert c.features.shape[1] == 121 and np.isfinite(c.features).all()
    assert [r.state for r in precache(data, ['s0'], jobs=1)] == ['cached']                 # enhanced is part of it
    assert [r.state for r in precache(data, ['s0'], features='full', jobs=1)] == ['cached']
    drums = CachePaths(data).stems/'s0_raw.drums.flac'
    whole = drums.read_bytes()
    drums.write_bytes(whole[:len(whole) // 2])                                             # a stem that was cut short
    assert precache(data, ['s0'], features='full', jobs=1)[0].steps['raw stems'] == 'made' and drums.read_bytes() == whole
    sound(data)


@pytest.mark.slow
def test_a_track_of_two_and_a_half_hours_opens_in_milliseconds(data):
    assert not any(r.error for r in precache(data, ['s0'], jobs=1))
    paths, raw = CachePaths(data), data/'input'/'s0_raw.wav'
    short = load_features(paths.features('s0'), raw)
    T = int(2.6 * 3600 * SR / 512)
    write_npz(paths.features('long'), entry_header('features', stamp(raw), **short.header['settings']) | {k: short.header[k] for k in ('track', 'top_db', 'beats')},
              mel=np.zeros((T, 128), np.float32).T, features=np.asarray(short.features), **{f'beat_{k}': getattr(short.beats, k) for k in ('times', 'position', 'found')})
    best = min(timed(lambda: load_features(paths.features('long'), raw)) for _ in range(5))
    c = load_features(paths.features('long'), raw)
    assert c.track.mel.shape == (128, T) and isinstance(c.track.mel, np.memmap)
    assert best < 0.05, best


def timed(f):
    t = time.perf_counter(); f(); return time.perf_counter() - t


def test_a_sample_never_raises(data, monkeypatch):
    import editorbot.data.cache as cache
    from editorbot.data.pairs import Pair
    monkeypatch.setattr(cache, 'analyse_frames', lambda *a, **k: (_ for _ in ()).throw(MemoryError('too long')))
    r = cache_sample(str(data), Pair('s0', data/'input'/'s0_raw.wav', data/'desired_output'/'s0_edit.wav'), cache.CacheConfig())
    assert r.state == 'failed' and 'MemoryError' in r.error


def test_a_read_only_cache_says_so(data):
    if os.geteuid() == 0: pytest.skip('root may write everywhere')
    (data/'cache').mkdir(); (data/'cache').chmod(0o500)
    assert all(r.error for r in precache(data, jobs=1))


def test_a_new_edit_is_aligned_again(data):
    edl = EDL.load(data/'pointer_sequences'/'s0.edl.json')
    (data/'pointer_sequences'/'s0.edl.json').unlink()                                      # so that precache aligns
    assert not any(r.error for r in precache(data, ['s0'], jobs=1))
    other = EDL.from_regions(edl.source, [(2 * SR, 6 * SR), (7 * SR, 11 * SR)])           # as long as before
    render(other, data/'desired_output'/'s0_edit.wav', overwrite=True, show=False)
    with pytest.raises(EditorbotError, match='has changed'):
        from editorbot.data.datasets import PairDataset, find_samples
        PairDataset(data, [s for s in find_samples(data) if s.name == 's0'])
    r, = precache(data, ['s0'], jobs=1)
    assert not r.error and r.steps['alignment'] == 'made' and r.steps['labels'] == 'made' and r.steps['raw features'] == 'cached'
    found = EDL.load(data/'pointer_sequences'/'s0.edl.json')
    assert abs(found.segments[0].source_in - 2 * SR) < SR // 20
    assert json.loads((data/'pointer_sequences'/'s0_info.json').read_text())['segments'] == len(found.segments)


def test_an_edl_of_the_users_own_is_never_replaced(data):
    assert not any(r.error for r in precache(data, ['s0'], jobs=1))
    at = data/'pointer_sequences'/'s0.edl.json'                                            # not what align wrote
    edl, kept = EDL.load(at), at.read_bytes()
    render(EDL.from_regions(edl.source, [(2 * SR, 6 * SR), (7 * SR, 11 * SR)]), data/'desired_output'/'s0_edit.wav', overwrite=True, show=False)
    r, = precache(data, ['s0'], jobs=1)
    assert 's0.edl.json' in r.error and 'move it away' in r.error and at.read_bytes() == kept


@pytest.mark.slow
def test_processes_that_start_on_a_cold_numba_cache(tmp_path):
    "Three at once on an empty cache, then one more: without the lock of `from_librosa` the cache may be left such that every process crashes."
    code = 'import numpy as np; from editorbot.core import from_librosa; f = from_librosa("beat.beat_track"); print(f(y=np.random.default_rng(0).standard_normal(66150).astype("{}"), sr=22050)[1].dtype)'
    env = os.environ | {'NUMBA_CACHE_DIR': str(tmp_path), 'OMP_NUM_THREADS': '1'}
    begin = lambda kind: subprocess.Popen([sys.executable, '-c', code.format(kind)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for processes in ([begin('float32'), begin('float64'), begin('float32')], [begin('float64')]):
        for p in processes:
            out, err = p.communicate(timeout=300)
            assert p.returncode == 0 and out.strip() == 'int64', err[-2000:]
    assert list(tmp_path.rglob('*.nbi'))
