"""Two pages made from the library itself: every command with its --help, and the functions that people call with all their arguments."""
from pathlib import Path

from api import Symbol, signature, table

FUNCTIONS = ('load_track', 'propose', 'render', 'align', 'export', 'evaluate')       #: what most programs need, in the order of a first program
INTRO = '''# The functions people use

`import editorbot` costs nothing; each of these is loaded when it is first asked for.

```python
import editorbot

track = editorbot.load_track('rehearsal.wav')
edl = editorbot.propose(track)
editorbot.render(edl, 'best.wav')
```

Everything else is described where it is written, in the notebooks of the library.
'''


def commands() -> str:
    "The command-line page: what `editorbot COMMAND --help` prints, for every command."
    import click
    from editorbot.app.cli import main
    def pages(command, names):
        with click.Context(command, info_name=names[-1], parent=click.Context(click.Group(), info_name=' '.join(names[:-1])) if names[:-1] else None) as ctx:
            yield ' '.join(names), command.get_help(ctx)
            for name in getattr(command, 'commands', {}): yield from pages(command.commands[name], [*names, name])
    top, *rest = pages(main, ['editorbot'])
    part = lambda name, text, level: f'{"#" * level} {name}\n\n```text\n{text}\n```\n'
    return ('# Command line\n\nMade from `--help`. Existing files are never replaced without `--overwrite`; an error is one line that says what to do.\n\n```text\n' + top[1] + '\n```\n\n'
            + '\n'.join(part(name, text, 2 if name.count(' ') == 1 else 3) for name, text in rest))


def functions(library: dict[str, dict[str, Symbol]], home: dict[str, str], link) -> str:
    "The page of `FUNCTIONS`: signature, what it does, a table of its arguments."
    out = [INTRO]
    for name in FUNCTIONS:
        module = f'editorbot.{home[name]}'
        sym = library[module][name]
        out.append(f'## {name}\n\n```python\neditorbot.{signature(sym)}\n```\n\n{link(sym.doc, module)}\n\n{table(sym)}\n')
    return '\n'.join(out)


def home_of(root: Path, lib: str) -> dict[str, str]:
    "Which module each name of the package comes from: the table of its lazy imports, read without importing it."
    import ast
    tree = ast.parse((root/lib/'__init__.py').read_text(encoding='utf-8'))
    return next(ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == '_HOME')
