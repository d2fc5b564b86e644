"""README.md from nbs/index.ipynb: nbdev's processors, then nbconvert. `python docs/readme.py` writes it; the tests compare."""
from pathlib import Path

from pages import process, relink

ROOT = Path(__file__).resolve().parents[1]
IMAGES = 'docs/readme'
NOTE = '<!-- Made from nbs/index.ipynb by `make export`: edit that. -->\n\n'


def render(root: Path) -> dict[Path, bytes]:
    "The files that belong to the README, with their content: itself, and a picture for each picture among the outputs."
    from nbconvert import MarkdownExporter
    from traitlets.config import Config
    nb = process(root/'nbs/index.ipynb', {})
    shown = Config({'TagRemovePreprocessor': {'enabled': True, 'remove_input_tags': ['hide-input']}})    # cells with `echo: false`
    text, resources = MarkdownExporter(config=shown).from_notebook_node(nb, resources={'unique_key': 'readme', 'output_files_dir': IMAGES})
    outputs = {f'{IMAGES}/{Path(name).name}': data for name, data in resources.get('outputs', {}).items()}
    text = relink(text, root/'nbs/index.ipynb', lambda target: None if target in outputs else target, root)
    lines = [line.rstrip() for line in text.strip().split('\n')]
    squeezed = [line for i, line in enumerate(lines) if line or (i and lines[i-1])]
    return {root/'README.md': (NOTE + '\n'.join(squeezed) + '\n').encode(), **{root/name: data for name, data in outputs.items()}}


def main():
    files = render(ROOT)
    for old in (ROOT/IMAGES).glob('*'):
        if old not in files: old.unlink()
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f'wrote {path.relative_to(ROOT)}')


if __name__ == '__main__': main()
