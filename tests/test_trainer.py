"""The training loop in processes of its own: two of them take the same steps as one, and one that is killed again and again ends with the same bits."""
import random, signal, subprocess, sys, time

import pytest
import torch

pytestmark = pytest.mark.slow

SCRIPT = '''
import sys, time
from lightning_fabric import Fabric
from editorbot.nn.trainer import LineTask, TrainerConfig, train

class Slow(LineTask):
    def batch(self, *args): time.sleep(float(sys.argv[4])); return super().batch(*args)

if __name__ == '__main__':
    devices, accumulate = int(sys.argv[2]), int(sys.argv[3])
    fabric = Fabric(accelerator='cpu', devices=devices, strategy='ddp' if devices > 1 else 'auto')
    fabric.launch()
    train(Slow(), sys.argv[1], TrainerConfig(steps=60, warmup=5, lr=.05, validate_every=10, accumulate=accumulate), fabric, show=False)
'''


@pytest.fixture
def run(tmp_path):
    "Start a training run: folder, processes, shards a process, seconds a batch."
    script = tmp_path/'run.py'
    script.write_text(SCRIPT)
    def start(folder, devices=1, accumulate=1, wait=0.0):
        return subprocess.Popen([sys.executable, str(script), str(tmp_path/folder), str(devices), str(accumulate), str(wait)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return start


def finish(process):
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said


def weights(folder): return torch.load(folder/'latest.pt', weights_only=True)['1.weight']


def test_two_processes_are_one(run, tmp_path):
    finish(run('one', 1, 2)); finish(run('two', 2, 1))
    assert torch.allclose(weights(tmp_path/'one'), weights(tmp_path/'two'), atol=1e-5)


def test_killed_at_any_moment(run, tmp_path):
    "SIGKILL at random moments after something was saved, also while the next state is written; what is left continues."
    finish(run('whole'))
    random.seed(0)
    state = tmp_path/'killed'/'state.pt'
    saved = lambda: state.stat().st_mtime_ns if state.exists() else 0
    for _ in range(3):
        was, process = saved(), run('killed', wait=.02)
        while process.poll() is None and saved() == was: time.sleep(.01)
        time.sleep(random.uniform(0, .3))
        process.send_signal(signal.SIGKILL); process.communicate()
    finish(run('killed'))
    assert torch.equal(weights(tmp_path/'whole'), weights(tmp_path/'killed'))


POINTER = '''
import sys
import numpy as np, torch
from lightning_fabric import Fabric
from editorbot.sound.self_similarity import MATCHES
from editorbot.data.examples import Example
from editorbot.pointer.pointer_network import PointerConfig
from editorbot.pointer.pointer_training import PointerRecipe, PointerTask
from editorbot.nn.trainer import TrainerConfig, train

def recording(seed, frames=2048):
    "Noise, of which one stretch is heard (so that nothing comes after anything), or three."
    rng = np.random.default_rng(seed)
    regions = [(200, 500), (900, 1500), (600, 800)] if seed % 3 == 0 else [(300, 900)]
    return Example(rng.integers(0, 255, (128, frames)).astype(np.uint8), np.array(regions), rng.integers(0, 8, frames // 8).astype(np.int8), rng.random((frames // 32, MATCHES, 3)).astype(np.float16))

if __name__ == '__main__':
    devices, accumulate = int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    fabric = Fabric(accelerator='cpu', devices=devices, strategy='ddp' if devices > 1 else 'auto')
    fabric.launch()
    examples = [recording(i) for i in range(6)]
    task = PointerTask(examples, examples[:1], PointerConfig(width=16, layers=2, before=1, heads=2, dilations=(1, 2)), PointerRecipe(crops=2, crop=1024))
    train(task, sys.argv[1], TrainerConfig(steps=6, warmup=1, lr=1e-3, validate_every=6, accumulate=accumulate), fabric, show=False)
'''


def test_two_processes_train_the_pointer_network_as_one(tmp_path):
    "Shards in which nothing comes after anything too: all processes must have gradients of the same parts."
    from safetensors.torch import load_file
    script = tmp_path/'pointer.py'
    script.write_text(POINTER)
    for folder, devices, accumulate in (('one', 1, 2), ('two', 2, 1)):
        finish(subprocess.Popen([sys.executable, str(script), str(tmp_path/folder), str(devices), str(accumulate)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    one, two = (load_file(tmp_path/f/'latest.safetensors') for f in ('one', 'two'))
    apart = {k: float((one[k].float() - two[k].float()).abs().max()) for k in one}
    assert max(apart.values()) < 1e-5, sorted(apart.items(), key=lambda v: -v[1])[:5]
