"""What people get who install the wheel without a clone: the commands work, and all that they need lies in it."""
import os, shutil, subprocess, sys
from pathlib import Path

import house, pytest


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> Path:
    "The wheel of a copy of this checkout, unpacked into a folder of its own."
    copy, wheels, to = (tmp_path_factory.mktemp(name) for name in ('copy', 'wheels', 'installed'))
    files = subprocess.run(['git', 'ls-files', '-z', 'editorbot', 'nbs', 'setup.py', 'settings.ini', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'],
                           cwd=house.ROOT, check=True, capture_output=True, text=True).stdout.split('\0')
    for name in filter(None, files):
        if not (house.ROOT/name).exists(): continue
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(house.ROOT/name, copy/name)
    pip = [sys.executable, '-m', 'pip', '-q']
    subprocess.run([*pip, 'wheel', '--no-deps', '-w', wheels, copy], check=True)
    subprocess.run([*pip, 'install', '--no-deps', '--target', to, *wheels.glob('*.whl')], check=True)
    return to


def run(installed: Path, cwd: Path, *words):
    code = 'import editorbot; print(editorbot.__file__); from editorbot.app.cli import main; main()'
    return subprocess.run([sys.executable, '-c', code, *map(str, words)], cwd=cwd, text=True, capture_output=True, env=os.environ | {'PYTHONPATH': str(installed)})


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel(installed, tmp_path):
    made = run(installed, tmp_path, 'demo', '-o', 'demo')
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[0] == str(installed/'editorbot'/'__init__.py')
    assert {'edit.wav', 'edit.edl.json', 'report.html'} <= {p.name for p in (tmp_path/'demo').iterdir()}


@pytest.mark.slow
def test_recipes_lie_in_the_wheel(installed):
    assert {p.name for p in (installed/'editorbot'/'notebooks').glob('*.ipynb')} == {p.name for p in (house.ROOT/'nbs'/'recipes').glob('*.ipynb')}
