"""The house is in order; and every check can fail: each is tried on a small broken house made on the spot."""
import json
from pathlib import Path

import house, pytest

ROOT = house.ROOT


def cell(source: str, kind: str = 'code', **kw) -> dict:
    base = dict(cell_type=kind, id=f'c{abs(hash((source, kind))) % 10**8:08}', metadata={}, source=source.splitlines(True))
    return base | (dict(execution_count=None, outputs=[]) if kind == 'code' else {}) | kw


def write_nb(path: Path, *cells: dict, **metadata):
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {'kernelspec': {'display_name': 'python3', 'language': 'python', 'name': 'python3'}} | metadata
    path.write_text(json.dumps(dict(cells=list(cells), metadata=meta, nbformat=4, nbformat_minor=5), indent=1) + '\n')


@pytest.fixture
def small(tmp_path) -> Path:
    "A small house in order: two modules, an index, a recipe."
    root = tmp_path/'small'
    (root/'editorbot').mkdir(parents=True)
    (root/'settings.ini').write_text((ROOT/'settings.ini').read_text())
    version = house.settings(root)['version']
    (root/'editorbot/__init__.py').write_text(f'__version__ = "{version}"\n')
    (root/'CHANGELOG.md').write_text(f'# Changelog\n\n## [Unreleased]\n\n## [{version}] - 2026-01-01\n')
    write_nb(root/'nbs/00_core.ipynb', cell('#| default_exp core'), cell('# core\n\n> constants', 'markdown'), cell('#| export\nSR = 22050'),
             cell('Doubles.', 'markdown'), cell('#| export\ndef double(x): return 2 * x'), cell('assert double(2) == 4'))
    write_nb(root/'nbs/01_audio.ipynb', cell('#| default_exp audio'), cell('#| export\nfrom editorbot.core import *'),
             cell('The rate.', 'markdown'), cell('#| export\ndef f(): return SR'), cell('assert f() == 22050'))
    write_nb(root/'nbs/index.ipynb', cell('# editorbot', 'markdown'), cell('from editorbot import audio'))
    write_nb(root/'nbs/recipes/01_keep.ipynb', cell('steps = 10', metadata={'tags': ['parameters']}))
    assert not house._export(root)
    return root


CHECKS = [house.import_order, house.rooms, house.unique_modules, house.unique_numbers, house.stale_modules, house.unclean, house.too_big, house.cell_ids,
          house.failed_cells, house.parameters, house.machine_paths, house.undeclared, house.versions, house.cells]


@pytest.mark.parametrize('check', CHECKS, ids=lambda f: f.__name__)
def test_house(check): assert check(ROOT) == []


def test_export_is_up_to_date(tmp_path): assert house.export_differs(ROOT, tmp_path) == []


def test_readme_is_the_index_notebook():
    import readme
    for path, content in readme.render(ROOT).items():
        assert path.exists() and path.read_bytes() == content, f'{path.name} is not what nbs/index.ipynb says: make export'


def test_there_are_notebooks(): assert {'core', 'edl', 'rendering', 'alignment.alignment', 'pointer.pointer_network'} <= {house.default_exp(nb) for nb in house.notebooks(ROOT)}


# ---- every check can fail

@pytest.mark.parametrize('check', CHECKS, ids=lambda f: f.__name__)
def test_small_house_is_in_order(check, small): assert check(small) == []


def test_small_house_export(small, tmp_path): assert house.export_differs(small, tmp_path) == []


@pytest.mark.parametrize('line', ['from editorbot.audio import *', 'import editorbot.audio as a', 'from editorbot import audio',
                                  'def g():\n    from .audio import f',
                                  'import importlib; importlib.import_module("editorbot.audio")', '%matplotlib inline\nimport editorbot.audio'])
def test_import_order_fails_on_a_higher_number(line, small):
    write_nb(small/'nbs/00_core.ipynb', cell('#| default_exp core'), cell(line))
    assert any('00_core' in s for s in house.import_order(small))


def test_import_order_follows_the_way_through_other_modules(small):
    write_nb(small/'nbs/02_edl.ipynb', cell('#| default_exp edl'), cell('from editorbot.core import *'))
    write_nb(small/'nbs/01_audio.ipynb', cell('#| default_exp audio'), cell('from editorbot.core import *'))
    assert house.import_order(small) == []
    (small/'editorbot/__init__.py').write_text('from .edl import *\n')
    write_nb(small/'nbs/00_core.ipynb', cell('#| default_exp core'), cell('from editorbot import EDL'))
    found = house.import_order(small)
    assert any('00_core' in s and 'editorbot.edl' in s for s in found)          # the package imports edl eagerly
    (small/'editorbot/__init__.py').write_text('_lazy = {"EDL": "editorbot.edl"}\n')
    assert house.import_order(small) == found                                   # or lazily: the same
    write_nb(small/'nbs/00_core.ipynb', cell('#| default_exp core'))
    write_nb(small/'nbs/01_audio.ipynb', cell('#| default_exp audio'), cell('from editorbot.edl import *'))
    write_nb(small/'nbs/03_late.ipynb', cell('#| default_exp late'), cell('from editorbot.audio import f'))
    assert not any('03_late' in s for s in house.import_order(small)) and any('01_audio' in s for s in house.import_order(small))


def test_import_order_fails_on_a_module_of_a_tutorial(small):
    write_nb(small/'nbs/tutorials/01_x.ipynb', cell('#| default_exp tut'))
    write_nb(small/'nbs/01_audio.ipynb', cell('#| default_exp audio'), cell('from editorbot.tut import *'))
    assert 'no numbered notebook' in house.import_order(small)[0]


@pytest.mark.parametrize('wrong, says', [('alignment/00_joins', 'app.cli'), ('alignment/01_joins', 'alignment.waveform')])
def test_floors_fail_on_a_climb(wrong, says, small):
    "A folder may not import from a floor above, nor from a number of its own floor that is not lower; a lower one is fine."
    write_nb(small/'nbs/alignment/02_waveform.ipynb', cell('#| default_exp alignment.waveform'), cell('from editorbot.core import SR'))
    write_nb(small/'nbs/app/00_cli.ipynb', cell('#| default_exp app.cli'), cell('from editorbot.alignment.waveform import *'))
    assert house.import_order(small) == [] == house.rooms(small)
    write_nb(small/f'nbs/{wrong}.ipynb', cell('#| default_exp alignment.joins'), cell(f'from editorbot.{says} import *'))
    assert any('joins' in s and says in s for s in house.import_order(small))


def test_floors_fail_on_a_climb_through_others(small):
    write_nb(small/'nbs/nn/00_trainer.ipynb', cell('#| default_exp nn.trainer'), cell('from editorbot.audio import f'))
    write_nb(small/'nbs/01_audio.ipynb', cell('#| default_exp audio'), cell('from editorbot.nn import trainer'))
    assert any('01_audio' in s and 'nn.trainer' in s for s in house.import_order(small))


def test_demos_may_play_the_toy_music(small):
    write_nb(small/'nbs/simulation/00_band.ipynb', cell('#| default_exp simulation.band'), cell('#| export\ndef synth_song(): pass'))
    write_nb(small/'nbs/sound/00_beats.ipynb', cell('#| default_exp sound.beats'), cell('from editorbot.simulation.band import synth_song'))
    assert house.import_order(small) == []
    write_nb(small/'nbs/sound/00_beats.ipynb', cell('#| default_exp sound.beats'), cell('#| export\nfrom editorbot.simulation.band import synth_song'))
    assert 'simulation.band' in house.import_order(small)[0]


@pytest.mark.parametrize('path, module, says', [('attic/00_x', 'attic.x', 'not one of the floors'), ('app/x', 'app.x', 'no number'), ('app/00_x', 'x', 'not in the package app')])
def test_rooms_fail(path, module, says, small):
    write_nb(small/f'nbs/{path}.ipynb', cell(f'#| default_exp {module}'))
    assert any(says in s for s in house.rooms(small))


def test_doubles_fail(small):
    write_nb(small/'nbs/01_again.ipynb', cell('#| default_exp audio'))
    assert 'default_exp audio' in house.unique_modules(small)[0] and '01' in house.unique_numbers(small)[0]


def test_stale_module_fails(small):
    (small/'nbs/01_audio.ipynb').rename(small/'nbs/_audio.ipynb')
    assert 'audio.py' in house.stale_modules(small)[0]


def test_export_differs_fails(small, tmp_path):
    (small/'editorbot/audio.py').write_text((small/'editorbot/audio.py').read_text().replace('return SR', 'return 0'))
    assert any('audio.py' in s and 'return 0' in s for s in house.export_differs(small, tmp_path/'edited'))
    (small/'editorbot/audio.py').unlink()
    assert any('audio.py' in s for s in house.export_differs(small, tmp_path/'missing'))


def test_unclean_fails(small):
    write_nb(small/'nbs/index.ipynb', cell('1', execution_count=3))
    assert 'index' in house.unclean(small)[0]
    write_nb(small/'nbs/index.ipynb', cell('1', metadata={'collapsed': True}))
    assert 'index' in house.unclean(small)[0]


def test_too_big_fails(small):
    write_nb(small/'nbs/index.ipynb', cell('x = "' + 'a' * 310_000 + '"'))
    assert 'index' in house.too_big(small)[0]


def test_cell_ids_fail(small):
    write_nb(small/'nbs/index.ipynb', cell('1', id='a'), cell('2', id='a'))
    assert 'index' in house.cell_ids(small)[0]


def test_failed_cells_fail(small):
    write_nb(small/'nbs/index.ipynb', cell('1/0', outputs=[dict(output_type='error', ename='ZeroDivisionError', evalue='', traceback=[])]))
    assert 'ZeroDivisionError' in house.failed_cells(small)[0]


def test_parameters_fail(small):
    write_nb(small/'nbs/recipes/01_keep.ipynb', cell('steps = 10'))
    assert '0 cells' in house.parameters(small)[0]
    write_nb(small/'nbs/recipes/01_keep.ipynb', *[cell(f'steps = {i}', metadata={'tags': ['parameters']}) for i in range(2)])
    assert '2 cells' in house.parameters(small)[0]
    write_nb(small/'nbs/recipes/01_keep.ipynb', cell('a = 1', metadata={'tags': ['parameters']}), cell('a = 2', metadata={'tags': ['injected-parameters']}))
    assert 'injected' in house.parameters(small)[0]


@pytest.mark.parametrize('text', ['wrote /home/ann/x.wav', "File '/root/x'", '/tmp/tmpab12/edit.wav', 'C:\\Users\\ann'])
def test_machine_paths_fail(text, small):
    write_nb(small/'nbs/index.ipynb', cell(f'# {text}', 'markdown'))
    assert 'index' in house.machine_paths(small)[0]


@pytest.mark.parametrize('line, says', [('import sphinx', 'sphinx'), ('from nothing_known.x import y', 'nothing_known')])
def test_undeclared_fails(line, says, small):
    (small/'editorbot/audio.py').write_text(f'def f():\n    {line}\n')
    assert f'imports {says}' in house.undeclared(small)[0]                              # development tools are not for the library
    write_nb(small/'nbs/index.ipynb', cell(line))
    assert any('index' in s for s in house.undeclared(small)) == (says != 'sphinx')     # but notebooks may use them


def test_extras_are_for_what_is_imported_when_needed(small):
    ini = small/'settings.ini'
    ini.write_text(ini.read_text().rstrip('\n') + '\nother_requirements = nothing-known>=1\n')
    (small/'editorbot/audio.py').write_text('def f():\n    import nothing_known\n')
    assert not any('nothing_known' in s for s in house.undeclared(small))
    (small/'editorbot/audio.py').write_text('import nothing_known\n')
    assert any('imports nothing_known' in s for s in house.undeclared(small))


def test_versions_fail(small):
    (small/'editorbot/__init__.py').write_text('__version__ = "9.9.9"\n')
    assert '9.9.9' in house.versions(small)[0]


@pytest.mark.parametrize('figure, cells', [
    ('median_lines', [cell('#| export\ndef f(x):\n' + '    x += 1\n' * 90)]), ('longest', [cell('#| export\ndef f(x):\n' + '    x += 1\n' * 300)]),
    ('one_definition', [cell('#| export\ndef f(): pass\ndef g(): pass'), cell('#| export\ndef h(): pass\ndef i(): pass')]),
    ('wide_lines', [cell('#| export\ndef f(): pass'), cell('x = 1' + ' ' * 120 + '# wide')]), ('asserts', [cell('#| export\ndef f(): pass'), cell('#| export\ndef g(): pass')]),
    ('shown', [cell('#| export\ndef f(): pass'), cell('#| export\ndef g(): pass')])])
def test_cells_fail(figure, cells, small):
    for nb in ('00_core', '01_audio'): write_nb(small/f'nbs/{nb}.ipynb', *cells)
    assert any(s.startswith(house.WORDS[figure]) for s in house.cells(small, house.AIMS))
