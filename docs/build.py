"""Builds the documentation site into _docs/ from the notebooks, the exported library and the changelog; asks no other machine for anything.

`python docs/build.py` does nothing when the site is newer than all that it is made from; `--force` builds it anyway."""
import argparse, hashlib, importlib.util, os, shutil, subprocess, sys, tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FLOORS = ('nn', 'sound', 'alignment', 'interchange', 'simulation', 'data', 'editors', 'pointer', 'personal', 'super_editor', 'agent', 'feedback', 'judging', 'app')
TEXTS = ('RESULTS.md', 'log/README.md', 'CHANGELOG.md')            #: in the navigation; the entries of log/ are linked from its README


def notebooks(root: Path) -> list[Path]:
    "All that nbdev looks at: nothing below a folder, or with a name, that begins with `_` or `.`."
    nbs = root/'nbs'
    return sorted(p for p in nbs.rglob('*.ipynb') if not any(part[0] in '_.' for part in p.relative_to(nbs).parts))


def own_pages(root: Path) -> list[str]: return sorted(p.stem for p in root.glob('docs/text/*.md'))


def texts(root: Path) -> list[str]: return [*(n for n in TEXTS if (root/n).exists()), *(p.relative_to(root).as_posix() for p in sorted(root.glob('log/2*.md')))]


def cards(root: Path) -> list[Path]: return sorted(root.glob('editorbot/checkpoints/**/*.md'))


def pages(root: Path) -> dict[str, str]:
    "File of the repository -> page of the site, both as paths; what a link may point to."
    found = {p.relative_to(root).as_posix(): p.relative_to(root/'nbs').as_posix() for p in notebooks(root)}
    found |= {name: name for name in texts(root)} | {f'docs/text/{n}.md': f'{n}.md' for n in own_pages(root)}
    return found | {p.relative_to(root).as_posix(): f'models/{card_name(p)}.md' for p in cards(root)}


def card_name(p: Path) -> str: return (p.parent.name if p.stem.lower() in ('readme', 'model_card', 'card') else p.stem).lower()


def settings(root: Path) -> dict[str, str]:
    import configparser
    ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
    ini.read(root/'settings.ini', encoding='utf-8')
    return dict(ini['DEFAULT'])


# ---- fresh or not

def fingerprint(root: Path) -> str:
    "A hash of everything that the site is made from."
    files = [*notebooks(root), *cards(root), *(root/n for n in texts(root)), *sorted(root.glob('docs/text/*.md')), root/'settings.ini', *sorted((root/'editorbot').rglob('*.py')),
             *sorted(p for p in HERE.rglob('*') if p.suffix in ('.py', '.css', '.js'))]
    h = hashlib.sha256()
    for p in files:
        if p.is_file(): h.update(p.name.encode() + b'\0' + p.read_bytes() + b'\0')
    return h.hexdigest()


# ---- the source folder

def toctree(caption: str, names: list[str]) -> str:
    return f'```{{toctree}}\n:hidden:\n:caption: {caption}\n:maxdepth: 1\n\n' + '\n'.join(names) + '\n```\n' if names else ''


def contents(root: Path) -> str:
    "The navigation: tutorials, the library floor by floor, the recipes, and the texts."
    nbs = [p.relative_to(root/'nbs').with_suffix('').as_posix() for p in notebooks(root)]
    below = lambda folder: [n for n in nbs if n.startswith(folder + '/')]
    ground = [n for n in nbs if '/' not in n and n[0].isdigit()]
    floors = [(f, below(f)) for f in FLOORS]
    rest = [n for n in nbs if n not in {*below('tutorials'), *below('recipes'), *ground, *(n for _, ns in floors for n in ns), 'index'}]
    reference = ['commands', 'functions'] if (root/'editorbot/app/cli.py').exists() else []
    return '\n'.join([toctree('Begin', own_pages(root) + reference), toctree('Tutorials', below('tutorials')), toctree('Ground floor', ground), *(toctree(f.replace('_', ' ').capitalize(), ns) for f, ns in floors), toctree('Recipes', below('recipes')),
                      toctree('Models', [f'models/{card_name(p)}' for p in cards(root)]), toctree('More', rest + [n.removesuffix('.md') for n in texts(root)])])


def links(root: Path, page: str):
    "What `relink` asks: the page of a file, relative to `page`; or else where the repository shows it."
    known, ini = pages(root), settings(root)
    def find(target: str) -> str:
        if target in known: return Path(os.path.relpath(known[target], Path(page).parent)).as_posix()
        kind = 'tree' if (root/target).is_dir() else 'blob'
        return f'{ini["git_url"]}/{kind}/{ini["branch"]}/{target}'
    return find


def write_sources(root: Path, out: Path) -> None:
    "Writes every page as Sphinx wants it."
    import nbformat                         # imported where the site is really built: `make docs` with nothing to do takes no time
    from api import read_library
    from execnb.nbio import read_nb
    from pages import default_exp, link_names, process, relink
    library, lib = read_library(root/'editorbot'), settings(root)['lib_name']
    for path in notebooks(root):
        page = path.relative_to(root/'nbs').as_posix()
        nb = process(path, library)
        module = f'{lib}.{default_exp(read_nb(path))}'
        for cell in nb.cells:
            if cell.cell_type == 'markdown': cell.source = link_names(relink(cell.source, path, links(root, page), root), library, module)
        if page == 'index.ipynb': nb.cells.append(nbformat.v4.new_markdown_cell(contents(root)))
        (out/page).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, out/page)
    if (root/lib/'app/cli.py').exists():
        import reference
        (out/'commands.md').write_text(reference.commands(), encoding='utf-8')
        (out/'functions.md').write_text(reference.functions(library, reference.home_of(root, lib), lambda s, m: link_names(s, library, m)), encoding='utf-8')
    for path in [*(root/name for name in texts(root)), *sorted(root.glob('docs/text/*.md')), *cards(root)]:
        page = pages(root)[path.relative_to(root).as_posix()]
        (out/page).parent.mkdir(parents=True, exist_ok=True)
        (out/page).write_text(relink(path.read_text(encoding='utf-8'), path, links(root, page), root), encoding='utf-8')


def write_static(out: Path) -> None:
    "Our stylesheet, and MathJax from the Python package that carries it, so that a page asks no other host."
    shutil.copytree(HERE/'static', out)
    spec = importlib.util.find_spec('mathjax')
    script = Path(spec.origin).parent/'static/mathjax/es5/tex-svg.js' if spec and spec.origin else None
    if script is None or not script.exists():
        sys.exit('error: the package django-static-mathjax, which carries MathJax 3, is missing; run: make docs (or pip install -e .[dev])')
    (out/'mathjax').mkdir()
    shutil.copy(script, out/'mathjax')
    shutil.copy(script.parents[1]/'LICENSE', out/'mathjax')


# ---- building

def build(root: Path, out: Path) -> None:
    "Builds the site of the checkout `root` into `out`, whose old content is replaced only by a site without a warning."
    if not (root/'nbs/index.ipynb').exists(): sys.exit('error: nbs/index.ipynb, the first page, is missing')
    with tempfile.TemporaryDirectory() as tmp:
        src, html = Path(tmp)/'src', Path(tmp)/'html'
        write_sources(root, src)
        write_static(Path(tmp)/'static')
        env = os.environ | {'EDITORBOT_ROOT': str(root), 'EDITORBOT_STATIC': f'{tmp}/static'}
        command = [sys.executable, '-m', 'sphinx', '-b', 'html', '-j', 'auto', '-W', '--keep-going', '-q', '-c', str(HERE), '-d', f'{tmp}/doctrees', str(src), str(html)]
        if subprocess.run(command, env=env).returncode: sys.exit('error: Sphinx had something to say (above); the site was not replaced')
        for junk in ('.buildinfo', 'jupyter_execute', '_sources'):
            shutil.rmtree(html/junk) if (html/junk).is_dir() else (html/junk).unlink(missing_ok=True)
        (html/'.nojekyll').touch()
        if out.exists(): shutil.rmtree(out)
        shutil.move(html, out)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--force', action='store_true', help='build although nothing has changed')
    ap.add_argument('--out', type=Path, default=ROOT/'_docs', help='the folder of the site')
    a = ap.parse_args()
    stamp, now = a.out/'.made-from', fingerprint(ROOT)
    if not a.force and stamp.exists() and stamp.read_text() == now: return print(f'{a.out/"index.html"} is up to date')
    build(ROOT, a.out)
    stamp.write_text(now)
    print(f'wrote {a.out/"index.html"} and {len(list(a.out.rglob("*.html"))) - 1} other pages')


if __name__ == '__main__': main()
