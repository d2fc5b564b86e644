"On a GPU: what is heard, what a step costs and what comes out of an interrupted run are what they are on the processor."
import pytest, torch

from editorbot.pointer.pointer_network import decode_edit, load_pointer, score_recording
from editorbot.data.examples import example_batch
from editorbot.pointer.pointer_training import PointerRecipe, PointerTask, pointer_loss, short_session
from editorbot.nn.trainer import LineTask, TrainerConfig, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')


@pytest.fixture(scope='module')
def session(): return short_session()[1]


def test_same_edit(session):
    mel = session.mel.astype('float32') / 255
    a, b = (score_recording(load_pointer(None, d)[0], mel, session.repeats) for d in ('cpu', 'cuda'))
    assert b.outputs['plays'].device.type == 'cuda'
    assert torch.allclose(a.outputs['plays'], b.outputs['plays'].cpu(), atol=.02)
    assert [(p.start, p.end, p.times) for p in decode_edit(a)[0]] == [(p.start, p.end, p.times) for p in decode_edit(b)[0]]


@pytest.mark.parametrize('step', [0, 1])
def test_same_loss(session, step):
    r, parts = PointerRecipe(crops=2, crop=1024, wholes=2), []
    for d in ('cpu', 'cuda'):
        net = load_pointer(None, d)[0].eval()
        parts.append({k: v.item() for k, v in pointer_loss(net, example_batch([session], step, 0, 1, 0, r, d), r).items()})
    for k, v in parts[0].items(): assert parts[1][k] == pytest.approx(v, rel=.02, abs=.01), k


def test_interrupted(tmp_path):
    c, end = TrainerConfig(steps=40, warmup=5, lr=.05, validate_every=10), []
    for folder, stops in (('a', [None]), ('b', [10, 27, None])):
        for stop in stops: train(task := LineTask(), tmp_path/folder, c, show=False, stop_after=stop)
        end.append(task.net[1].weight.detach().cpu())
    assert torch.equal(*end)


def test_learns_a_little(session, tmp_path):
    task = PointerTask([session], [session], recipe=PointerRecipe(crops=2, crop=1024, wholes=1))
    before = [task.loss(task.net.cpu(), task.batch(s, 0, 1, 'cpu'))['loss'].item() for s in (0, 1)]
    train(task, tmp_path, TrainerConfig(steps=30, warmup=5, validate_every=15), show=False)
    assert next(task.net.parameters()).device.type == 'cuda' and (tmp_path/'best.safetensors').exists()
    after = [task.loss(task.net, task.batch(s, 0, 1, 'cuda'))['loss'].item() for s in (0, 1)]
    assert max(after) < min(before)
