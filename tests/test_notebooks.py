"""Every notebook is a test: it runs from top to bottom in its own folder and a process of its own, through nbdev's own runner, honouring its flags.

The recipes run through papermill instead, as people run them: with the `quick` recipe, into a temporary folder."""
from pathlib import Path

import house, pytest
from runner import runs

RECIPES = house.ROOT/'nbs/recipes'
ALL = house.notebooks(house.ROOT)
RUN = [nb for nb in ALL if RECIPES not in nb.parents]
TRAIN = [nb for nb in ALL if RECIPES in nb.parents]


def name(nb: Path) -> str: return str(nb.relative_to(house.ROOT/'nbs'))


@pytest.mark.parametrize('nb', RUN, ids=name)
def test_notebook(nb):
    if (nb.parent/'.notest').exists(): pytest.skip('its folder has a .notest')
    ok, said = runs(nb)
    assert ok, f'{name(nb)} failed:\n{said[-6000:]}'


SMALL = {'recipe': 'quick', 'steps': 6, 'sessions': 3, 'jobs': 1}      # smaller still than `quick`: seconds, not minutes


def quick_parameters(nb: Path) -> dict:
    "The parameters of the miniature run: every recipe takes `recipe`, and the rest of SMALL if it has them."
    from editorbot.app.runs import parameters_of
    known = parameters_of(nb)
    assert 'recipe' in known, f'{name(nb)} has no parameter `recipe`; it has {", ".join(known)}'
    return {k: v for k, v in SMALL.items() if k in known}


@pytest.mark.parametrize('nb', TRAIN, ids=name)
def test_training_notebook(nb, tmp_path, monkeypatch):
    "The miniature twin of a training: the same notebook, run as `editorbot train` runs it, in an empty folder."
    from editorbot.app.runs import run_notebook
    monkeypatch.chdir(tmp_path)
    before = nb.read_bytes()
    copy = run_notebook(nb, quick_parameters(nb), tmp_path/'runs/run.ipynb', show=False)
    assert copy.exists() and nb.read_bytes() == before
    assert [p for p in tmp_path.rglob('*.safetensors') if p.is_file()], f'{name(nb)} left no weights in its folder'


# ---- the runner itself can fail

def write(path: Path, *sources: str) -> Path:
    import nbformat
    v4 = nbformat.v4
    kernel = {'kernelspec': {'display_name': 'python3', 'language': 'python', 'name': 'python3'}}
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(s) for s in sources], metadata=kernel), path)
    return path


def test_runner_fails_on_a_failing_cell(tmp_path):
    ok, said = runs(write(tmp_path/'x.ipynb', 'a = 1', 'assert a == 2'))
    assert not ok and 'assert a == 2' in said


def test_runner_uses_the_notebooks_folder_and_honours_flags(tmp_path):
    ok, said = runs(write(tmp_path/'x.ipynb', f'from pathlib import Path\nassert Path.cwd() == Path({str(tmp_path)!r})',
                          '#| slow\n1/0', '#| eval: false\n1/0', '#| gpu\n1/0'))
    assert ok, said


def test_runner_survives_a_crash_and_a_hang(tmp_path):
    ok, said = runs(write(tmp_path/'crash.ipynb', 'import ctypes; ctypes.string_at(0)'))
    assert not ok and 'exit status -11' in said and 'string_at' in said
    ok, said = runs(write(tmp_path/'hang.ipynb', 'import time; time.sleep(600)'), limit=2)
    assert not ok and 'still running' in said
