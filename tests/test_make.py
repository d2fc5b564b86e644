"""The Makefile and the CI script: a person can guess the targets, and CI calls what the README calls."""
import os, re, shutil, subprocess
from pathlib import Path

import house, pytest

ROOT = house.ROOT
pytestmark = pytest.mark.skipif(shutil.which('make') is None, reason='there is no make')


def make(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS')) and k != 'ARGS'}     # `make test` runs this test too
    return subprocess.run(['make', *args], cwd=cwd, env=env, capture_output=True, text=True)


def targets() -> set[str]: return set(re.findall(r'^([a-z-]+):', (ROOT/'Makefile').read_text(), re.M))


def test_help_is_the_default_and_lists_the_targets():
    out = make().stdout
    assert out == make('help').stdout
    for target in 'demo test export docs lab bench clean help'.split(): assert f'make {target} ' in out


@pytest.mark.parametrize('python, says', [('', 'no Python 3.11'), ('false', 'is not Python 3.11')])
def test_without_a_good_python_the_error_says_what_to_do(python, says, tmp_path):
    for name in ('Makefile', 'settings.ini', 'setup.py', 'pyproject.toml'): shutil.copy(ROOT/name, tmp_path)
    run = make('demo', f'PYTHON={python}', cwd=tmp_path)
    assert run.returncode and says in run.stderr + run.stdout and 'PYTHON=' in run.stderr + run.stdout
    assert not (tmp_path/'.venv').exists()


def commands(text: str) -> set[str]: return {m for m in re.findall(r'\bmake ([a-z][a-z-]*)\b', text)} & (targets() | {'demo', 'test', 'docs'})


def test_ci_calls_what_the_readme_calls():
    ci = commands((ROOT/'.ci/run').read_text())
    assert {'demo', 'test', 'docs'} <= ci <= targets()
    readme = set(re.findall(r'^\s*make ([a-z-]+)', (ROOT/'README.md').read_text(), re.M))
    assert readme <= targets(), f'the README calls {readme - targets()}, which the Makefile does not have'
    assert {'demo', 'test'} <= readme
    assert '.ci/run' in (ROOT/'.github/workflows/ci.yml').read_text()


def test_ci_script_is_valid_shell():
    assert subprocess.run(['bash', '-n', str(ROOT/'.ci/run')], capture_output=True).returncode == 0
