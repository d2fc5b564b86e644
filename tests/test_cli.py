"""The command as a user runs it, with good files and with every kind of bad one. A refusal is one line, status 2, and nothing half-written.

Commands run in this process, where PyTorch is loaded once; what depends on the process itself (a traceback, Ctrl-C, how fast a refusal comes) runs in one of its own."""
import dataclasses, json, os, shutil, signal, subprocess, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pytest, soundfile as sf
from click.testing import CliRunner
from editorbot.app.cli import main
from editorbot.edl import Source, edl_from_regions, load_edl
from editorbot.rendering import null_test

SR = 22050


def run(*words):
    "A command in this process."
    r = CliRunner().invoke(main, [*map(str, words)])
    assert r.exception is None or isinstance(r.exception, SystemExit), (words, r.exception)
    return SimpleNamespace(returncode=r.exit_code, stdout=r.stdout, stderr=r.stderr)


def run_alone(*words):
    "A command in a process of its own."
    return subprocess.run([sys.executable, '-c', 'from editorbot.app.cli import main; main()', *map(str, words)], capture_output=True, text=True, timeout=300)


def refused(*words, has, run=run):
    "The command fails as it should: status 2, one line, no traceback."
    r = run(*words)
    assert r.returncode == 2, (r.returncode, r.stdout, r.stderr)
    lines = [line for line in r.stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith('editorbot: ') and 'Traceback' not in r.stderr, r.stderr
    assert has in lines[0], lines[0]
    return lines[0]


def sound(seconds=40, sr=SR, seed=0):
    "Quiet, a long loud stretch, quiet."
    n, rng = int(seconds * sr), np.random.default_rng(seed)
    env = np.repeat([.004, .5, .5, .5, .004], -(-n // 5))[:n]
    return env * np.sin(2 * np.pi * 220 * np.arange(n) / sr) * rng.uniform(.4, 1, n)


@pytest.fixture
def jam(tmp_path):
    sf.write(tmp_path/'jam.wav', np.stack([sound()] * 2, 1), SR, subtype='PCM_24')
    return tmp_path/'jam.wav'


def only(folder, *names): assert sorted(p.name for p in Path(folder).iterdir()) == sorted(names)


def test_edit_writes_what_it_says(jam, tmp_path):
    r = run('edit', jam, '-o', tmp_path/'out'/'best.wav', '--editor', 'loudness')
    assert r.returncode == 0, r.stderr
    only(tmp_path/'out', 'best.wav', 'best.edl.json', 'best.png')
    edl = load_edl(tmp_path/'out'/'best.edl.json')
    assert null_test(edl, tmp_path/'out'/'best.wav')[1] == 0
    assert 'kept 0:2' in r.stdout and str(tmp_path/'out'/'best.wav') in r.stdout
    i = sf.info(tmp_path/'out'/'best.wav')
    assert (i.samplerate, i.channels, i.subtype) == (SR, 2, 'PCM_24')


def test_the_learned_editor_is_the_default(jam, tmp_path):
    r = run('edit', jam, '-o', tmp_path/'best.wav', '--target-ratio', .5, '--fragments', '--no-plot')
    assert r.returncode == 0, r.stderr
    edl = load_edl(tmp_path/'best.edl.json')
    assert edl.meta['editor'] == 'pointer' and edl.edit_duration <= .5 * 40 + .1
    assert not (tmp_path/'best.png').exists()


def test_what_a_user_wants_and_does_not_want(jam, tmp_path):
    r = run('edit', jam, '-o', tmp_path/'best.wav', '--keep', '3-5', '--keep', '0:33-0:34.5', '--cut', '0:10-0:20', '--beats', '--alternatives', 2, '--no-plot')
    assert r.returncode == 0, r.stderr
    assert r.stdout.count('EDL') == len(list(tmp_path.glob('best*.edl.json'))) == len(list(tmp_path.glob('best*.wav')))
    for edl in map(load_edl, tmp_path.glob('best*.edl.json')):
        kept = edl.kept_regions() / SR
        for a, b in ((3, 5), (33, 34.5)): assert any(x <= a + .03 and b - .03 <= y for x, y in kept), kept
        assert not any(x < 19.97 and y > 10.03 for x, y in kept), kept
    refused('edit', jam, '-o', tmp_path/'o.wav', '--keep', '5-3', has='--keep')
    refused('edit', jam, '-o', tmp_path/'o.wav', '--keep', '3-5', '--cut', '4-6', has='in both')
    refused('edit', jam, '-o', tmp_path/'o.wav', '--cut', '50-60', has='--cut')
    refused('edit', jam, '-o', tmp_path/'o.wav', '--editor', 'loudness', '--cut', '1-2', has='--editor loudness')


def test_an_interrupted_edit_leaves_nothing(jam, tmp_path, monkeypatch):
    "Ctrl-C between audio and picture: no edit without its EDL, and the next try isn't refused."
    import editorbot.plot
    seen = []
    def interrupt(edl): seen.extend(sorted(p.name for p in (tmp_path/'out').iterdir())); raise KeyboardInterrupt
    monkeypatch.setattr(editorbot.plot, 'plot_edit', interrupt)
    CliRunner().invoke(main, ['edit', str(jam), '-o', str(tmp_path/'out'/'best.wav'), '--editor', 'loudness'])
    assert seen == ['best.edl.json', 'best.wav']
    only(tmp_path/'out')


def test_nothing_is_overwritten_silently(jam, tmp_path):
    out = tmp_path/'best.wav'
    assert run('edit', jam, '-o', out, '--editor', 'keep_all').returncode == 0
    before = out.read_bytes()
    refused('edit', jam, '-o', out, '--editor', 'loudness', has='exists already')
    assert out.read_bytes() == before
    assert run('edit', jam, '-o', out, '--editor', 'loudness', '--overwrite').returncode == 0
    assert out.read_bytes() != before
    raw = jam.read_bytes()
    refused('edit', jam, '-o', jam, '--overwrite', has='its own input')
    assert jam.read_bytes() == raw


@pytest.mark.parametrize('words, has', [(('--alternatives', '0'), 'not in the range'), (('--editor', 'pointr'), 'did you mean pointer?'), (('--crossfade', '99999999'), 'not in the range'),
                                        (('--keep', '0:05-0:02'), 'FROM before TO'),
                                        (('--max-duration=-0:30',), 'not negative'), (('--decide-on', 'sum'), 'name them with --with'),
                                        (('--with', 'nothing.wav'), 'nothing.wav'), (('-o', '.'), 'a folder')])
def test_a_wrong_option_is_told_by_name(jam, words, has):
    r = CliRunner().invoke(main, ['edit', str(jam), *words])
    assert r.exit_code == 2 and has in r.output, r.output


def test_dry_run_writes_nothing(jam, tmp_path):
    r = run('edit', jam, '--editor', 'loudness', '--dry-run')
    assert r.returncode == 0 and 'cut' in r.stdout
    only(tmp_path, 'jam.wav')


BAD = {
    'missing': (lambda p: None, 'no such file'),
    'empty': (lambda p: p.touch(), 'an empty file'),
    'folder': (lambda p: p.mkdir(), 'a folder'),
    'text': (lambda p: p.write_text('this is no music\n' * 50), 'libsndfile refuses'),
    'silent': (lambda p: sf.write(p, np.zeros((SR * 5, 2)), SR), 'only silence'),
    'nan': (lambda p: sf.write(p, np.where(np.arange(SR * 5) == SR, np.nan, .1), SR, subtype='FLOAT'), 'NaN or infinity at 1.000 s'),
    'infinite': (lambda p: sf.write(p, np.where(np.arange(SR * 5) == SR, np.inf, .1), SR, subtype='FLOAT'), 'NaN or infinity at 1.000 s'),
    'one sample': (lambda p: sf.write(p, np.ones(1), SR), '1 sample ('),
    'no samples': (lambda p: sf.write(p, np.zeros(0), SR), 'no samples'),
}


@pytest.mark.parametrize('kind', BAD)
def test_bad_recordings(kind, tmp_path):
    make, has = BAD[kind]
    p = tmp_path/'bad.wav'
    make(p)
    line = refused('edit', p, '-o', tmp_path/'o.wav', '--editor', 'loudness', has=has, run=run_alone if kind == 'missing' else run)
    assert 'bad.wav' in line
    only(tmp_path, *([p.name] if p.exists() else []))


def test_truncated(jam, tmp_path):
    jam.write_bytes(jam.read_bytes()[:-SR * 6 * 3])
    refused('edit', jam, '-o', tmp_path/'o.wav', '--editor', 'loudness', has='cut short by 3.00 s')
    assert run('edit', jam, '-o', tmp_path/'o.wav', '--editor', 'loudness', '--allow-truncated').returncode == 0


def test_damaged_flac(tmp_path):
    sf.write(tmp_path/'a.flac', np.random.default_rng(0).uniform(-.5, .5, SR * 20), SR)
    b = (tmp_path/'a.flac').read_bytes()
    (tmp_path/'a.flac').write_bytes(b[:len(b) // 2])
    assert 'a.flac' in refused('edit', tmp_path/'a.flac', '-o', tmp_path/'o.wav', '--editor', 'loudness', has='copy it again')
    only(tmp_path, 'a.flac')


@pytest.mark.parametrize('sr, channels, seconds', [(8000, 1, 40), (192000, 2, 12), (44100, 8, 20), (44100, 1, 3)])
def test_unusual_but_fine(sr, channels, seconds, tmp_path):
    sf.write(tmp_path/'x.wav', np.stack([sound(seconds, sr)] * channels, 1), sr)
    r = run('edit', tmp_path/'x.wav', '-o', tmp_path/'o.wav', '--editor', 'loudness', '--target-ratio', .9)
    assert r.returncode == 0, r.stderr
    assert (sf.info(tmp_path/'o.wav').samplerate, sf.info(tmp_path/'o.wav').channels) == (sr, channels)


def test_wrong_options(jam, tmp_path):
    o = ('-o', tmp_path/'o.wav')
    refused('edit', jam, *o, '--target-ratio', 0, has='--target-ratio')
    refused('edit', jam, *o, '--max-duration', -5, has='--max-duration')
    refused('edit', jam, *o, '--editor', 'nobody', has="'nobody'")
    refused('edit', jam, '-o', tmp_path/'o.mp3', has="'.mp3'")
    refused('edit', jam, *o, '--checkpoint', tmp_path/'none.safetensors', has='no such file')
    (tmp_path/'w.safetensors').write_bytes(b'x' * 100)
    for model, has in (('keep', "found 'keep'"), ('pointer', 'format 99')):
        (tmp_path/'w.json').write_text(json.dumps(dict(model=model, format=99)))
        refused('edit', jam, *o, '--checkpoint', tmp_path/'w.safetensors', has=has)
    (tmp_path/'w.json').write_text(json.dumps(dict(json.loads((Path(__file__).parents[1]/'editorbot'/'checkpoints'/'pointer.json').read_text()))))
    refused('edit', jam, *o, '--checkpoint', tmp_path/'w.safetensors', has='copy both files again')
    r = run('edit', jam, '--no-such-option')
    assert r.returncode == 2 and 'No such option' in r.stderr and 'Traceback' not in r.stderr
    only(tmp_path, 'jam.wav', 'w.json', 'w.safetensors')


def test_bad_edls(jam, tmp_path):
    sf.write(tmp_path/'other.wav', np.stack([sound(seed=1)] * 2, 1), SR, subtype='PCM_24')
    edl = edl_from_regions(Source.from_file(jam), [(0, SR * 5), (SR * 10, SR * 20)])
    p, o = edl.save(tmp_path/'a.edl.json'), tmp_path/'o.wav'
    text = p.read_text()
    refused('render', tmp_path/'other.wav', p, '-o', o, has='found another one')
    p.write_text(text.replace('"editorbot_edl": 1', '"editorbot_edl": 9')); refused('render', jam, p, '-o', o, has='version 9')
    p.write_text(text.replace(str(SR * 20), str(SR * 2000)));                refused('render', jam, p, '-o', o, has='outside the source')
    p.write_text(text.replace('"reason"', '"raisin"'));                     refused('render', jam, p, '-o', o, has="'raisin'")
    p.write_text(text[:200]);                                               refused('render', jam, p, '-o', o, has='EDL (JSON)')
    refused('render', jam, tmp_path/'none.edl.json', '-o', o, has='no such file')
    only(tmp_path, 'jam.wav', 'other.wav', 'a.edl.json')


def test_no_permission(jam):
    place = '/proc/o.wav' if os.geteuid() == 0 else '/o.wav'          # root may write anywhere but there
    refused('edit', jam, '-o', place, '--editor', 'keep_all', has=place)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('mount'), reason='a small file system can be mounted only by root')
def test_disk_full(jam, tmp_path):
    small = tmp_path/'small'
    small.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small], capture_output=True).returncode: pytest.skip('mounting is not allowed here')
    try:
        line = refused('edit', jam, '-o', small/'o.wav', '--editor', 'keep_all', has=str(small/'o.wav'))
        assert 'free' in line
        only(small)
    finally: subprocess.run(['umount', small], check=True)


def test_debug_shows_the_traceback(tmp_path):
    r = run_alone('--debug', 'edit', tmp_path/'none.wav')
    assert r.returncode != 0 and 'Traceback' in r.stderr and 'no such file' in r.stderr


def test_interruption_leaves_nothing_half_written(tmp_path):
    sf.write(tmp_path/'long.wav', np.tile(sound(60), 25), SR, subtype='PCM_16')
    p = subprocess.Popen([sys.executable, '-c', 'from editorbot.app.cli import main; main()', 'edit', str(tmp_path/'long.wav'), '-o', str(tmp_path/'out'/'o.wav'), '--editor', 'keep_all', '--max-duration', '0'],
                         stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=60)[1]
    left = list((tmp_path/'out').iterdir()) if (tmp_path/'out').exists() else []
    if p.returncode == 0: assert {f.name for f in left} == {'o.wav', 'o.edl.json', 'o.png'}            # a fast machine was done before
    else:
        assert p.returncode == 130 and 'interrupted' in err and 'Traceback' not in err, err
        assert all(not f.name.startswith('.') for f in left)


CTRL_C = {'songs': (['songs', 'jam.wav', '-o', 'out'], 'editorbot.app.song_export.write_sheets'),
          'align': (['align', 'jam.wav', 'edit.wav', '-o', 'out'], 'editorbot.alignment.alignment.write_alignment'),
          'demo': (['demo', '-o', 'out'], 'editorbot.app.demo.evaluate'),
          'rate': (['rate', 'jam.wav', '--data', 'out'], 'editorbot.feedback.rating.sit'),
          'sessions': (['sessions', 'music', '-n', '1', '-j', '1', '-o', 'out'], 'editorbot.simulation.sessions.write_audio'),
          'precache': (['precache', '--data', 'pairs', '-j', '1'], 'editorbot.data.cache.run_jobs'),
          'train': (['train', 'keep', '-o', 'out/k.ipynb'], 'papermill.execute_notebook'),
          'view': (['view', 'jam.wav', '--no-browser'], 'subprocess.Popen.wait')}   # command -> words; where Ctrl-C comes


@pytest.mark.parametrize('name', CTRL_C)
def test_ctrl_c_is_one_line(jam, tmp_path, monkeypatch, name):
    "Every command says it in a line, status 130, and leaves no half of a file; the next try isn't refused."
    from editorbot.simulation.band import synth_song
    (words, where), x = CTRL_C[name], sf.read(jam)[0]
    monkeypatch.chdir(tmp_path)
    sf.write('edit.wav', x[SR * 9:SR * 25], SR)
    for f in ('music', 'pairs/input', 'pairs/desired_output'): Path(f).mkdir(parents=True)
    shutil.copy('jam.wav', 'pairs/input/a_raw.wav'); shutil.copy('edit.wav', 'pairs/desired_output/a_edit.wav')
    for k in range(4) if name in ('sessions', 'songs') else (): sf.write(f'music/{k}.wav', synth_song(k, 45, SR), SR)
    if name == 'songs': shutil.copy('music/1.wav', 'jam.wav')
    come = []
    def interrupt(*a, **kw): come.append(name); raise KeyboardInterrupt
    with monkeypatch.context() as m:
        m.setattr(where, interrupt)
        r = run(*words)
    lines = [x for x in r.stderr.splitlines() if 'interrupted' in x]
    assert come and r.returncode == 130 and len(lines) == 1 and 'Traceback' not in r.stderr, (come, r)
    left = [p for p in tmp_path.rglob('*') if p.is_file() and 'cache' not in p.parts]
    assert not [p for p in left if p.name.startswith('.') and p.name not in ('.editorbot.json', '.songs.npz')], left
    for p in left:
        if p.suffix == '.wav': assert sf.info(p).frames
        if p.suffix == '.json': json.loads(p.read_text())


def test_ctrl_c_in_a_terminal_reaches_all_processes(tmp_path):
    "Workers of `sessions` say nothing, and nothing is left of what they were about to write."
    from editorbot.simulation.band import synth_song
    (tmp_path/'music').mkdir()
    for k in range(4): sf.write(tmp_path/'music'/f'{k}.wav', synth_song(k, 60, SR), SR)
    p = subprocess.Popen([sys.executable, '-c', 'from editorbot.app.cli import main; main()', 'sessions', 'music', '-n', '4', '-j', '2', '--minutes', '2', '3', '-o', 'out'],
                         cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(8)
    if p.poll() is None: os.killpg(p.pid, signal.SIGINT)
    err = p.communicate(timeout=120)[1]
    assert 'Traceback' not in err and 'skipped' not in err, err
    assert p.returncode == 0 or p.returncode == 130 and len(err.strip().splitlines()) == 1, (p.returncode, err)
    assert not [f for f in (tmp_path/'out').rglob('.*') if f.name != '.editorbot.json']


def test_the_edit_of_a_moved_recording(jam, tmp_path):
    edl = edl_from_regions(Source.from_file(jam), [(0, SR * 5), (SR * 10, SR * 20)])
    p = dataclasses.replace(edl, source=dataclasses.replace(edl.source, path='/nowhere/jam.wav')).save(tmp_path/'a.edl.json')
    assert run('render', jam, p, '-o', tmp_path/'o.wav').returncode == 0
    assert run('render', p, '-o', tmp_path/'again.wav').returncode == 0           # it lies beside its EDL
    assert (tmp_path/'again.wav').read_bytes() == (tmp_path/'o.wav').read_bytes()
    assert run('export', p, '-o', tmp_path/'s.rpp').returncode == 0 and 'FILE "jam.wav"' in (tmp_path/'s.rpp').read_text()
    sf.write(tmp_path/'jam.wav', sf.read(jam)[0][::-1], sf.info(jam).samplerate)  # another recording of its name
    refused('render', p, '-o', tmp_path/'third.wav', has='found another one')


def test_a_refusal_comes_before_pytorch(jam, tmp_path):
    "A slip of the keyboard is told at once: help, missing files and wrong options load nothing heavy."
    wrong = tmp_path/'keep'
    wrong.mkdir()
    (wrong/'best.safetensors').touch(); (wrong/'best.json').write_text('{"model": "keep"}')
    for words, code in ((['--help'], 0), (['edit', tmp_path/'none.wav'], 2), (['edit', jam, '--keep', '5-3'], 2), (['edit', jam, '-o', jam, '--overwrite'], 2),
                        (['songs', tmp_path/'none.wav'], 2), (['train', 'keep', '-p', 'steps', 'abc'], 2), (['edit', jam, '--checkpoint', tmp_path/'none'], 2),
                        (['edit', jam, '--without', 'retake'], 2), (['edit', jam, '--editor', 'pointr'], 2), (['edit', jam, '--checkpoint', wrong], 2),
                        (['songs', jam, '--checkpoint', wrong], 2), (['rate', tmp_path/'none.wav'], 2),
                        (['train', 'pointer', '--data', jam], 2), (['train', 'pointer', '--from', 'nothing'], 2)):
        r = subprocess.run([sys.executable, '-X', 'importtime', '-c', 'from editorbot.app.cli import main; main()', *map(str, words)], capture_output=True, text=True)
        loaded = {line.split('|')[-1].strip() for line in r.stderr.splitlines() if line.startswith('import time')}
        assert r.returncode == code and not loaded & {'torch', 'numba', 'matplotlib', 'librosa'}, (words, r.returncode, loaded & {'torch', 'numba', 'matplotlib', 'librosa'})


def test_swapped_files_are_noticed(jam, tmp_path):
    edl = edl_from_regions(Source.from_file(jam), [(0, SR * 5)]).save(tmp_path/'a.edl.json')
    refused('render', edl, jam, '-o', tmp_path/'o.wav', has='the recording first')
    raw, edit = tmp_path/'a_raw.wav', tmp_path/'a_edit.wav'
    x, sr = sf.read(jam, frames=SR * 20)
    sf.write(raw, x, sr); sf.write(edit, x[:sr * 9], sr)
    refused('align', edit, raw, '-o', tmp_path/'al', has='expected the recording first')
    refused('align', edit, raw.rename(tmp_path/'b.wav'), '-o', tmp_path/'al', has='is not in a_edit.wav; swap the two files')
    assert not (tmp_path/'al').exists() or not any((tmp_path/'al').iterdir())


def test_a_list_of_times_is_an_edit(jam, tmp_path):
    text, out = tmp_path/'mine.txt', tmp_path/'mine.wav'
    text.write_text('0:01 - 0:03.5  the riff\n10\t12\tthe end\n')
    refused('render', text, '-o', out, has='name the recording too')
    assert run('render', jam, text, '-o', out).returncode == 0
    assert sf.info(out).frames == round(4.5 * SR)
    assert run('import', text, '--raw', jam, '-o', tmp_path/'mine.edl.json').returncode == 0
    assert [s.reason for s in load_edl(tmp_path/'mine.edl.json').segments] == ['the riff', 'the end']
    text.write_text('0:01 - 0:03\nand so on\n')
    refused('render', jam, text, '-o', tmp_path/'o.wav', has='line 2: expected FROM - TO')
    assert not (tmp_path/'o.wav').exists()


def test_training_is_refused_before_anything_runs(jam, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused('train', 'pointer', '--from', jam, has='a file of another kind')
    refused('train', 'pointer', '-p', 'steps', '-3', has='0 or more')
    refused('train', 'pointer', '-p', 'stepz', '3', has='did you mean steps?')
    refused('train', 'pointer', '-o', tmp_path/'run.txt', has='ends in .ipynb')
    refused('sessions', tmp_path, '--minutes', '5', '3', has='--minutes: expected SHORTEST LONGEST')
    only(tmp_path, 'jam.wav')
