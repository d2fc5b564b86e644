"""Training as a user starts it: through papermill, with parameters that are checked, and interrupted in the middle."""
import json, os, signal, subprocess, sys, time
import pytest
from safetensors.numpy import load_file

MAIN = [sys.executable, '-c', 'from editorbot.cli import main; main()', 'train', 'keep']


def start(folder, name):
    "A miniature run that keeps everything below `folder`/`name`, with examples that runs share."
    words = dict(steps=60, sessions=4, jobs=1, output=folder/name/'models'/'keep', cache=folder/'cache')
    return subprocess.Popen([*MAIN, *(str(x) for k, v in words.items() for x in ('-p', k, v)), '-o', str(folder/name/'run.ipynb')], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'OMP_NUM_THREADS': '1'}, start_new_session=True)


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
