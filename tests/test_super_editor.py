"""Mastering from the command line: learnt from pairs, applied to an edit, and pairs that are wrong."""
import subprocess, sys
import numpy as np, pytest, soundfile as sf

MAIN = [sys.executable, '-c', 'from editorbot.app.cli import main; main()']
SR = 22050


def run(folder, *words): return subprocess.run([*MAIN, *map(str, words)], cwd=folder, text=True, capture_output=True)


def make_pair(data, k, master, edit_rate=SR, mono=False):
    "A recording of silence, a song, silence; the edit is the song, mastered."
    import soxr
    from editorbot.edl import EDL, Source
    from editorbot.simulation.band import synth_song
    for sub in ('input', 'desired_output', 'pointer_sequences'): (data/sub).mkdir(parents=True, exist_ok=True)
    soft, raw = .001 * np.random.default_rng(k).standard_normal((SR, 2)), data/'input'/f'jam{k}_raw.wav'
    song = synth_song(k, 6, SR) * 10**(-k / 10)
    sf.write(raw, np.concatenate([soft, song, soft]), SR)
    EDL.from_regions(Source.from_file(raw), [(SR, 7 * SR)], 0).save(data/'pointer_sequences'/f'jam{k}.edl.json')
    y = master(song)
    y = y.mean(1) if mono else y
    sf.write(data/'desired_output'/f'jam{k}_edit.wav', y if edit_rate == SR else soxr.resample(y, SR, edit_rate), edit_rate, 'PCM_24')
    return raw


def bright(x):
    "To -18 LUFS, with more treble."
    from editorbot.simulation.engineers import equalise, to_loudness
    return to_loudness(equalise(x, [('high', 3000, 5., .7)], SR), SR, -18)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_sound_is_learnt_and_given_to_an_edit(tmp_path):
    from editorbot.super_editor.levels import dbtp, loudness
    for k in range(4): raw = make_pair(tmp_path/'data', k, bright)
    r = run(tmp_path, 'train', 'super_editor', '--data', 'data', '-p', 'recipe', 'quick', '-p', 'steps', 30)
    assert r.returncode == 0, r.stderr
    assert 'brings everything to -1' in r.stdout
    r = run(tmp_path, 'edit', raw, '-o', 'edit.wav', '--editor', 'loudness', '--no-plot', '--master')
    assert r.returncode == 0 and 'LUFS' in r.stdout, r.stderr
    y, sr = sf.read(tmp_path/'edit.wav')
    assert sr == SR and abs(loudness(y, sr) + 18) < .6 and dbtp(y) <= -1
    assert run(tmp_path, 'export', 'edit.edl.json', '-o', 'edit.rpp').returncode == 0
    session = (tmp_path/'edit.rpp').read_text()
    assert 'NAME mastered' in session and 'edit.wav' in session          # on a muted track of its own
    assert run(tmp_path, 'edit', raw, '-o', 'plain.wav', '--editor', 'loudness', '--no-plot').returncode == 0
    plain = sf.read(tmp_path/'plain.wav')[0]
    treble = lambda z: np.square(np.abs(np.fft.rfft(z.mean(1))))[round(len(z) * 5000 / sr):].sum() / np.square(z.mean(1)).sum()
    assert len(plain) == len(y) and treble(y) > 1.5 * treble(plain)


def test_without_a_chain_there_is_one_line(tmp_path):
    raw = make_pair(tmp_path/'data', 0, bright)
    r = run(tmp_path, 'edit', raw, '--editor', 'keep_all', '--master')
    assert r.returncode == 2 and 'train super_editor' in r.stderr and 'Traceback' not in r.stderr
    assert not raw.with_name('jam0_raw_edit.wav').exists()
    r = run(tmp_path, 'sessions', tmp_path, '--engineers', 'punk')
    assert r.returncode == 2 and '--engineers' in r.stderr


@pytest.mark.parametrize('kind', ['silent', 'clipped', 'mono', 'rate', 'peak', 'one'])
def test_pairs_that_are_not_as_usual(tmp_path, kind):
    "Silence is refused in one line; clipping, mono, another rate, peaks at 0 dBFS and a single pair are learnt from."
    from editorbot.core import EditorbotError
    from editorbot.super_editor.mastering_training import learn_mastering, pairs_in
    how = dict(silent=lambda x: 0 * x, clipped=lambda x: np.clip(6 * x, -1, 1), peak=lambda x: x / np.abs(x).max()).get(kind, bright)
    make_pair(tmp_path, 0, how, 48000 if kind == 'rate' else SR, kind == 'mono')
    if kind != 'one': make_pair(tmp_path, 1, how, 48000 if kind == 'rate' else SR, kind == 'mono')
    said = []
    if kind == 'silent':
        with pytest.raises(EditorbotError, match='silence'): pairs_in(tmp_path, said.append)
        assert len(said) == 2 and '\n' not in said[0]
        return
    chain, choice = learn_mastering(pairs_in(tmp_path), 20)
    errors = {name: e for name, (e, _) in choice.errors.items()}
    assert choice.kind != 'nothing' and errors[choice.kind] < errors['nothing']
    if kind in ('mono', 'rate', 'one'): assert errors[choice.kind] < 1.5, choice


def test_a_pair_without_overlap(tmp_path):
    from editorbot.core import EditorbotError
    from editorbot.edl import EDL, Segment, Source
    from editorbot.super_editor.mastering_training import pair_from_files
    raw = make_pair(tmp_path, 0, bright)
    nowhere = EDL(Source.from_file(raw), [Segment(None, None, 0)], {'edit_frames': 6 * SR})
    with pytest.raises(EditorbotError, match='an edit that plays its recording'): pair_from_files(raw, tmp_path/'desired_output'/'jam0_edit.wav', nowhere)
