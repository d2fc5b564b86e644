"""No command replaces a file that it did not make: every output of every command is put there first, as a file of the user's, and must survive."""
import hashlib, shutil
from pathlib import Path

import numpy as np, pytest
from click.testing import CliRunner
from editorbot.app.cli import main

SR = 22050
pytestmark = pytest.mark.timeout(600)


def sound(seconds: float, seed: int) -> np.ndarray:
    "Quiet, a long loud stretch, quiet."
    n, rng = int(seconds * SR), np.random.default_rng(seed)
    return np.repeat([.004, .5, .5, .5, .004], -(-n // 5))[:n] * np.sin(2 * np.pi * 220 * np.arange(n) / SR) * rng.uniform(.4, 1, n)


def demo(place): return ['demo', '-o', place/'out']

COMMANDS = {'demo': demo}


def tree(folder: Path) -> dict: return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*')) if p.is_file()}


def call(words): return CliRunner().invoke(main, [str(w) for w in words])


@pytest.mark.parametrize('name', COMMANDS)
def test_no_command_replaces_what_it_did_not_make(name, tmp_path):
    before = tree(tmp_path)
    words = COMMANDS[name](tmp_path)
    assert (r := call(words)).exit_code == 0, r.output
    made = sorted(p for p in tree(tmp_path).keys() - before.keys() if p.name != '.editorbot.json')
    assert made
    for p in made:
        shutil.rmtree(tmp_path/'out')
        (tmp_path/p).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/p).write_text("the user's own")
        here = tree(tmp_path)
        r = call(words)
        assert tree(tmp_path) == here, f'{name} replaced {p} or wrote beside it'
        assert r.exit_code == 2 and p.name in r.output, r.output
