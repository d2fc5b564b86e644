"""Training as a user starts it: through papermill, with parameters that are checked, and interrupted in the middle."""
import json, os, signal, subprocess, sys, time
import pytest
from safetensors.numpy import load_file

MAIN = [sys.executable, '-c', 'from editorbot.app.cli import main; main()', 'train', 'keep']


def start(folder, name):
    "A miniature run that keeps everything below `folder`/`name`, with examples that runs share."
    words = dict(steps=60, sessions=4, jobs=1, output=folder/name/'models'/'keep', cache=folder/'cache')
    return subprocess.Popen([*MAIN, *(str(x) for k, v in words.items() for x in ('-p', k, v)), '-o', str(folder/name/'run.ipynb')], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'OMP_NUM_THREADS': '1'}, start_new_session=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path):
    whole = start(tmp_path, 'whole')
    out, err = whole.communicate(timeout=500)
    assert whole.returncode == 0, err
    broken = start(tmp_path, 'broken')
    state = tmp_path/'broken'/'models'/'keep'/'state.pt'
    while broken.poll() is None and not state.exists(): time.sleep(.05)
    assert broken.poll() is None, broken.communicate()[1]
    os.killpg(broken.pid, signal.SIGINT)
    broken.communicate(timeout=100)
    again = start(tmp_path, 'broken')
    out, err = again.communicate(timeout=500)
    assert again.returncode == 0, err
    for name in ('best', 'latest'):
        a, b = (load_file(tmp_path/n/'models'/'keep'/f'{name}.safetensors') for n in ('whole', 'broken'))
        assert a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a), name
    infos = [json.loads((tmp_path/n/'models'/'keep'/'best.json').read_text()) for n in ('whole', 'broken')]
    assert infos[0] == infos[1]
    assert list((tmp_path/'whole'/'logs').rglob('events*'))                     # TensorBoard


def test_parameters_are_checked():
    r = subprocess.run([*MAIN, '-p', 'stepz', '3'], capture_output=True, text=True)
    assert r.returncode == 2 and "unknown 'stepz'" in r.stderr and 'Traceback' not in r.stderr
    r = subprocess.run([*MAIN, '--list'], capture_output=True, text=True)
    assert r.returncode == 0 and 'music_dir' in r.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_network_learns_how_a_person_edits(tmp_path):
    "From five pairs of their own: one is held out, the network stays as it is, and the command edits with the result."
    import numpy as np, soundfile as sf
    from editorbot.edl import EDL, Source, load_edl
    from editorbot.rendering import render
    from editorbot.simulation.band import synth_song
    data, sr = tmp_path/'data', 22050
    for sub in ('input', 'desired_output', 'pointer_sequences'): (data/sub).mkdir(parents=True)
    for k in range(5):
        raw, soft = data/'input'/f'jam{k}_raw.wav', .002 * np.random.default_rng(k).standard_normal((5 * sr, 2))
        sf.write(raw, np.concatenate([soft, synth_song(k, 20, sr), soft, synth_song(9 + k, 12, sr), soft]), sr)
        edl = EDL.from_regions(Source.from_file(raw), [(5 * sr, 25 * sr)])               # never the second song
        render(edl, data/'desired_output'/f'jam{k}_edit.wav', show=False)
        edl.save(data/'pointer_sequences'/f'jam{k}.edl.json')
    run = lambda *words: subprocess.run([*MAIN[:-2], *map(str, words)], cwd=tmp_path, text=True, capture_output=True)
    made = run('train', 'pointer', '--data', data, '--from', 'shipped', '-p', 'steps', 10, '-p', 'output', tmp_path/'models'/'mine', '-o', tmp_path/'run.ipynb')
    assert made.returncode == 0, made.stderr
    assert 'pairs of yours that were put aside' in made.stdout, made.stdout
    info = json.loads((tmp_path/'models'/'mine'/'person.json').read_text())['info']
    assert info['judged_on'] == 'held-out recordings of yours' and set(info['judged']) == {'pointer', 'before'} and info['train_recordings'] == 4
    assert {p.name for p in (tmp_path/'models'/'mine').iterdir()} - {'.editorbot.json'} == {'person.json', 'fades.json'}   # no weights: the network is the shipped one
    edited = run('edit', data/'input'/'jam0_raw.wav', '-o', tmp_path/'best.wav', '--checkpoint', tmp_path/'models'/'mine', '--no-plot')
    assert edited.returncode == 0, edited.stderr
    assert load_edl(tmp_path/'best.edl.json').meta['editor'] == 'pointer'

    from editorbot.pointer.pointer_network import load_pointer
    from editorbot.personal.rules import Rule, save_person
    ruled = tmp_path/'models'/'ruled'
    save_person((Rule('first', above=True, at=.2, least=.5),), load_pointer(None, 'cpu')[0], ruled)   # nothing but the first fifth of the recording
    shown = []
    for words in ((), ('--checkpoint', ruled)):
        edited = run('edit', data/'input'/'jam0_raw.wav', '-o', tmp_path/'out.wav', '--no-plot', '--overwrite', *words)
        assert edited.returncode == 0, edited.stderr
        shown.append(load_edl(tmp_path/'out.edl.json'))
    assert shown[0].edit_duration > 15 and abs(shown[1].edit_duration - .2 * 47) < 1.5
