"""Notebooks -> pages of the site: nbdev's processors, without those that execute code or need Quarto, and a few of our own."""
import os, re
from collections.abc import Callable
from pathlib import Path

import nbformat
from api import Symbol, block
from execnb.nbio import nb2str, read_nb
from nbdev.process import NBProcessor
from nbdev.processors import FilterDefaults

Library = dict[str, dict[str, Symbol]]
PROGRESS = re.compile(r'\d%\||\[\d+:\d\d')      # how tqdm's bar reads as text
WIDGET = 'application/vnd.jupyter.widget-view+json'


class Page(FilterDefaults):
    "nbdev's own choice of processors, less what writes for Quarto, links to other hosts or runs the notebook."
    leave_out = ('FrontmatterProc', 'insert_warning', 'clean_show_doc', 'exec_show_docs', 'rm_export', 'add_links', 'add_fold', 'mv_exports')
    def base_procs(self): return [p for p in super().base_procs() if p.__name__ not in self.leave_out]


# ---- cells

def _drop(cell) -> bool:
    "Cells that a reader has no use for: hidden ones, private exports, and those with nothing but imports."
    d = cell.get('directives_') or {}
    if cell.cell_type == 'raw' or 'hide' in d or 'default_exp' in d or 'exporti' in d: return True
    if d.get('include:') == ['false'] or not cell.source.strip() and not cell.get('outputs'): return True
    trees = cell.parsed_() if cell.cell_type == 'code' else None
    return bool(trees) and 'export' in d and all(type(t).__name__ in ('Import', 'ImportFrom') for t in trees)


def _is_show_doc(cell) -> bool: return cell.cell_type == 'code' and cell.source.startswith('show_doc(')


def _fold(cell) -> None:
    "An exported definition is described by its block; its source follows, folded. `echo: false` and `code-fold: true` fold too."
    d, tags = cell.get('directives_') or {}, cell.metadata.get('tags', [])
    defines = any(type(t).__name__ in ('FunctionDef', 'ClassDef', 'AsyncFunctionDef') for t in cell.parsed_() or [])
    if d.get('echo:') == ['false'] or d.get('code-fold:') == ['true'] or (defines and {'export', 'exports'} & d.keys()):
        cell.metadata['tags'] = [*tags, 'hide-input']
    cell.source = '\n'.join(line for line in cell.source.split('\n') if not re.match(r'\s*#\|', line))


def _show_doc(cell, library: Library, module: str) -> None:
    "Turns `show_doc(X)` into the Markdown block of X: from the notebook's own module, or else from wherever in the library."
    name = re.match(r'show_doc\(([\w.]+)', cell.source)[1]
    where = next((m for m in [module, *library] if name in library.get(m, {})), None)
    if where is None: raise KeyError(f'{name} is exported by a notebook but is not in the library: make export')
    link = lambda doc: link_names(doc, library, where)
    cell.cell_type, cell.source = 'markdown', block(library[where][name], library[where], link)
    for key in ('outputs', 'execution_count', 'has_sd', '_parsed_'): cell.pop(key, None)
    cell.metadata = {}


def _blocks_first(cells: list) -> list:
    "Each exported cell after the blocks that describe it (nbdev puts them behind it)."
    out, i = [], 0
    while i < len(cells):
        j = i + 1
        if not _is_show_doc(cells[i]):
            while j < len(cells) and cells[j].get('has_sd'): j += 1
        out += [*cells[i+1:j], cells[i]]
        i = j
    return out


def _outputs(cell) -> None:
    "Widgets are not stored in clean notebooks: a note stands for each. Progress bars and warnings (stderr) are left out."
    keep = []
    for o in cell.get('outputs', []):
        if o.get('name') == 'stderr': continue
        if WIDGET in o.get('data', {}):
            if PROGRESS.search(''.join(o['data'].get('text/plain', ''))): continue
            note = 'Interactive: open this notebook in JupyterLab or Voila to use what appears here.'
            o = {'output_type': 'display_data', 'metadata': {}, 'data': {'text/html': f'<p class="interactive">{note}</p>', 'text/plain': note}}
        keep.append(o)
    cell['outputs'] = keep


def _described(cells: list) -> None:
    "Pictures are described by the first sentence of the prose before them, for who can't see them."
    prose = ''
    for cell in cells:
        if cell.cell_type == 'markdown':
            lines = [row for row in cell.source.splitlines() if not re.match(r'\s*(#|>|\||```|$)', row)]
            text = re.sub(r'\s+', ' ', re.sub(r'\[([^]]*)\]\([^)]*\)|[*`$]', r'\1', ' '.join(lines))).strip()
            prose = re.split(r'(?<=[.:?!]) ', text)[0].rstrip('.:')[:200] or prose
        elif any(k.startswith('image/') for o in cell.get('outputs', []) for k in o.get('data', {})):
            cell.setdefault('metadata', {})['mystnb'] = {'image': {'alt': f'Picture: {prose}' if prose else 'Picture'}}


def default_exp(nb) -> str | None:
    found = [m[1] for c in nb.cells if c.cell_type == 'code' and (m := re.search(r'^\s*#\|\s*default_exp\s+(\S+)', c.source, re.M))]
    return found[0] if found else None


def process(path: Path, library: Library) -> nbformat.NotebookNode:
    "The notebook as it is shown: described, folded, without its directives; its outputs are the stored ones."
    nb = read_nb(path)
    name = default_exp(nb)
    module = f'{next(iter(library)).split(".")[0]}.{name}' if name and library else ''
    NBProcessor(nb=nb, procs=Page().procs(), process=True)
    nb.cells = _blocks_first([c for c in nb.cells if not _drop(c)])
    for cell in nb.cells:
        if _is_show_doc(cell): _show_doc(cell, library, module)
        elif cell.cell_type == 'code':
            _fold(cell)
            _outputs(cell)
    _described(nb.cells)
    nb.cells = [c for c in nb.cells if c.source.strip() or c.get('outputs')]
    for key in ('directives_', 'idx_', 'has_sd'):
        for c in nb.cells: c.pop(key, None)
    nb.metadata['language_info'] = {'name': 'python', 'pygments_lexer': 'ipython3'}          # clean notebooks don't say
    return nbformat.reads(nb2str(nb), as_version=4)


# ---- links

LINK = re.compile(r'(\]\()([^)\s#]+)((?:#[^)\s]*)?\))')
FENCE = re.compile(r'(^(`{3,}|~{3,}).*?^\2`*\s*?$)', re.M | re.S)


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    "Applies `change` to what is not in a fenced code block."
    out, last = [], 0
    for m in FENCE.finditer(text):
        out += [change(text[last:m.start()]), m[0]]
        last = m.end()
    return ''.join(out) + change(text[last:])


def relink(text: str, here: Path, find: Callable[[str], str | None], root: Path) -> str:
    "Rewrites relative links, which count from the folder of `here`: `find` gets each as a path from `root` and says what becomes of it."
    def one(m):
        if re.match(r'[a-z][a-z+.-]*:', m[2]): return m[0]
        target = Path(os.path.normpath(here.parent/m[2]))
        new = find(target.relative_to(root).as_posix()) if target.is_relative_to(root) and target.exists() else None
        return m[0] if new is None else m[1] + new + m[3]
    return outside_fences(text, lambda s: LINK.sub(one, s))


NAME = re.compile(r'(?<![`\w\[{}\\])`([A-Za-z_][\w.]*)(\(\))?`(?![`\w])')


def link_names(text: str, library: Library, module: str) -> str:
    "`name` in prose becomes a link where the library declares exactly one such name, or the notebook's own module does."
    def one(m):
        name = m[1].removeprefix(f'{module.split(".")[0]}.') if module else m[1]
        homes = [mod for mod, symbols in library.items() if name in symbols]
        homes += [mod for mod, symbols in library.items() if '.' in m[1] and m[1].startswith(mod + '.') and m[1][len(mod)+1:] in symbols]
        home = module if module in homes else homes[0] if len(homes) == 1 else None
        if home is None: return m[0]
        short = m[1].removeprefix(home + '.') if m[1].startswith(home + '.') else name
        return f'{{py:obj}}`{m[1]}{m[2] or ""} <{home}.{short}>`'
    prose = lambda s: '\n'.join(line if re.match(r'\s*(#|\||`{3}|:)', line) else NAME.sub(one, line) for line in s.split('\n'))
    return outside_fences(text, prose)
