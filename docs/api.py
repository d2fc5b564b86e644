"""What the exported library declares, read from its source without importing it: signatures, docments, docstrings, as MyST blocks."""
import ast, inspect, io, re, tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Symbol:
    "One exported function, class or method."
    name: str                       # 'render', 'EDL' or 'EDL.save'
    module: str                     # 'editorbot.edl'
    kind: str                       # the Python domain's word: 'function', 'class', 'method', 'property', 'classmethod', 'staticmethod'
    node: Def | ast.ClassDef
    comments: dict[int, str] = field(repr=False, default_factory=dict)  # by line of the module

    @property
    def full_name(self) -> str: return f'{self.module}.{self.name}'

    @property
    def doc(self) -> str: return inspect.cleandoc(ast.get_docstring(self.node, clean=False) or '')


def comments(source: str) -> dict[int, str]:
    "The comment of each line, without its `#` (and the `:` of `#:`); a comment on a line of its own is kept with its `#`."
    found = {}
    for tok in tokenize.generate_tokens(io.StringIO(source).readline):
        if tok.type != tokenize.COMMENT: continue
        alone = not tok.line[:tok.start[1]].strip()
        found[tok.start[0]] = ('#' if alone else '') + re.sub(r'^#+:?\s*', '', tok.string)
    return found


# ---- which names a module declares

def _decorators(node) -> dict[str, ast.expr]:
    "Decorators by their last name: `@functools.cache` is 'cache'."
    name = lambda d: d.func if isinstance(d, ast.Call) else d
    return {ast.unparse(name(d)).split('.')[-1]: d for d in node.decorator_list}


def _patched(node: Def) -> list[tuple[str, str]]:
    "(class, kind) for each class that fastcore's `@patch` puts this function into."
    deco = _decorators(node).get('patch') or _decorators(node).get('patch_to')
    if deco is None: return []
    flags = {k.arg: ast.literal_eval(k.value) for k in deco.keywords if isinstance(k.value, ast.Constant)} if isinstance(deco, ast.Call) else {}
    where = deco.args[0] if isinstance(deco, ast.Call) and deco.args else node.args.args[0].annotation
    if isinstance(where, ast.Subscript) and ast.unparse(where.value) in ('type', 'Type', 'typing.Type'): where = where.slice
    classes = where.elts if isinstance(where, ast.Tuple | ast.List) else [where.left, where.right] if isinstance(where, ast.BinOp) else [where]
    kind = 'property' if flags.get('as_prop') else 'classmethod' if flags.get('cls_method') else 'staticmethod' if flags.get('static_method') else 'method'
    return [(ast.unparse(c).strip('\'"').split('.')[-1], kind) for c in classes]


def _method_kind(node: Def) -> str:
    return next((k for d, k in (('property', 'property'), ('cached_property', 'property'), ('classmethod', 'classmethod'),
                                ('staticmethod', 'staticmethod')) if d in _decorators(node)), 'method')


def read_module(path: Path, module: str) -> dict[str, Symbol]:
    "Every function, class, method and `@patch`ed method of one module, by name; the later definition wins, as in Python."
    source = path.read_text(encoding='utf-8')
    notes, found = comments(source), {}
    def add(name, kind, node): found[name] = Symbol(name, module, kind, node, notes)
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            add(node.name, 'class', node)
            for sub in node.body:
                if isinstance(sub, Def) and not any(d.endswith('setter') for d in _decorators(sub)): add(f'{node.name}.{sub.name}', _method_kind(sub), sub)
        elif isinstance(node, Def):
            for cls, kind in _patched(node): add(f'{cls}.{node.name}', kind, node)
            if not _patched(node): add(node.name, 'function', node)
    return found


def exported(path: Path) -> list[str]:
    "What `__all__` of a module lists and the module itself defines."
    tree = ast.parse(path.read_text(encoding='utf-8'))
    listed = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == '__all__'), [])
    return [n for n in listed if n in {d.name for d in tree.body if isinstance(d, Def | ast.ClassDef)}]


def read_library(lib: Path) -> dict[str, dict[str, Symbol]]:
    "The symbols of every module: {'editorbot.edl': {'EDL': Symbol, ...}, ...}."
    dotted = lambda p: '.'.join([lib.name, *p.relative_to(lib).with_suffix('').parts]).removesuffix('.__init__')
    return {dotted(p): read_module(p, dotted(p)) for p in sorted(lib.rglob('*.py')) if p.name != '_modidx.py'}


# ---- parameters and docments

@dataclass
class Param:
    name: str; type: str = ''; default: str = ''; comment: str = ''


def _unquoted(node: ast.expr | None) -> str:
    if node is None: return ''
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _comment(first: int, last: int, notes: dict[int, str], opens: int) -> str:
    "The comment beside a parameter, which ends in line `last`; or else the comment lines just above it, below the line that `opens` the definition."
    if last in notes and notes[last][:1] != '#': return notes[last]
    above = []
    while first - 1 > opens and notes.get(first - 1, '').startswith('#'): above.insert(0, notes[first - 1][1:].strip()); first -= 1
    return ' '.join(above)


def _field_default(value: ast.expr | None) -> str:
    "The default of a dataclass field; `field(default_factory=dict)` reads as `dict()`."
    if value is None: return ''
    given = {k.arg: k.value for k in value.keywords} if isinstance(value, ast.Call) and ast.unparse(value.func).split('.')[-1] == 'field' else None
    if given is None: return ast.unparse(value)
    if 'default_factory' in given:
        made = given['default_factory']
        return ast.unparse(made.body) if isinstance(made, ast.Lambda) else f'{ast.unparse(made)}()'
    return ast.unparse(given['default']) if 'default' in given else ''


def _fields(cls: ast.ClassDef, notes: dict[int, str]) -> list[Param]:
    "The fields of a dataclass."
    return [Param(n.target.id, _unquoted(n.annotation), _field_default(n.value), _comment(n.lineno, n.end_lineno, notes, cls.lineno))
            for n in cls.body if isinstance(n, ast.AnnAssign) and 'ClassVar' not in ast.unparse(n.annotation)]


def _arguments(fn: Def, notes: dict[int, str], bound: bool) -> list[Param]:
    "The arguments of a function in order, `*` and `**` with their stars; `bound` leaves out `self`."
    a, out = fn.args, []
    positional = a.posonlyargs + a.args
    pairs = list(zip(positional, [None]*(len(positional) - len(a.defaults)) + a.defaults, strict=True))
    pairs += [(ast.arg('*' + a.vararg.arg, a.vararg.annotation, lineno=a.vararg.lineno, end_lineno=a.vararg.end_lineno), None)] if a.vararg else []
    pairs += list(zip(a.kwonlyargs, a.kw_defaults, strict=True))
    pairs += [(ast.arg('**' + a.kwarg.arg, a.kwarg.annotation, lineno=a.kwarg.lineno, end_lineno=a.kwarg.end_lineno), None)] if a.kwarg else []
    ends = [(d.end_lineno if d else p.end_lineno) for p, d in pairs]
    closes = fn.returns.end_lineno if fn.returns else None
    for i, (p, d) in enumerate(pairs):
        shared = ends[i] in [*ends[i+1:], closes]          # several in one line: its comment speaks of the last, or of what is returned
        out.append(Param(p.arg, _unquoted(p.annotation), ast.unparse(d) if d else '', '' if shared else _comment(p.lineno, ends[i], notes, fn.lineno)))
    return out[1:] if bound else out


def _init(cls: ast.ClassDef) -> Def | None: return next((n for n in cls.body if isinstance(n, Def) and n.name == '__init__'), None)


def _bound(sym: Symbol) -> bool: return sym.kind in ('method', 'classmethod', 'property')


def params(sym: Symbol) -> list[Param]:
    "What a caller passes: arguments, or the fields of a dataclass."
    if sym.kind != 'class': return _arguments(sym.node, sym.comments, _bound(sym))
    if init := _init(sym.node): return _arguments(init, sym.comments, True)
    return _fields(sym.node, sym.comments) if 'dataclass' in _decorators(sym.node) else []


def returns(sym: Symbol) -> Param | None:
    "The return type with the comment beside it."
    if sym.kind == 'class' or sym.node.returns is None: return None
    r = sym.node.returns
    return Param('returns', _unquoted(r), '', _comment(r.lineno, r.end_lineno, sym.comments, r.lineno))


def signature(sym: Symbol) -> str:
    "`name(a, b=1, *, c=2) -> type`, short: the types of the arguments stand in the table below it."
    if sym.kind == 'property': return sym.name
    if sym.kind == 'class' and not _init(sym.node): text = ', '.join(f'{p.name}={p.default}' if p.default else p.name for p in params(sym))
    else:
        args = ast.parse(ast.unparse(_init(sym.node) if sym.kind == 'class' else sym.node)).body[0].args
        if _bound(sym) or sym.kind == 'class': (args.posonlyargs or args.args).pop(0)
        for a in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
            if a: a.annotation = None
        text = ast.unparse(args)
    out = returns(sym)
    return f'{sym.name}({text})' + (f' -> {out.type}' if out else '')


# ---- MyST

def _cell(text: str, code: bool = False) -> str:
    "A cell of a Markdown table."
    text = ' '.join(text.split()).replace('|', r'\|')
    return f'`{text}`' if code and text else re.sub(r'(?<=\.)\*', r'\\*', text)


def table(sym: Symbol) -> str:
    "Parameters with types, defaults and docments; nothing where there is nothing to say."
    rows = params(sym)
    out = returns(sym)
    if out and (out.comment or rows): rows = [*rows, out]
    if not rows or not any(p.type or p.comment for p in rows): return ''
    name = lambda p: '*returns*' if p is out else _cell(p.name, True)
    line = lambda p: '| ' + ' | '.join([name(p), _cell(p.type, True), _cell(p.default, True), _cell(p.comment)]) + ' |'
    return '\n'.join(['| | type | default | |', '|---|---|---|---|', *map(line, rows)])


def _fenced(depth: int, head: str, *body: str) -> str:
    fence = '`' * (3 + depth)
    return f'{fence}{head}\n' + '\n\n'.join(b for b in body if b) + f'\n{fence}'


def members(sym: Symbol, module: dict[str, Symbol]) -> list[Symbol]:
    "The public methods that a class defines in its own body and says something about."
    own = {n.name for n in sym.node.body if isinstance(n, Def)}
    return [s for n, s in module.items() if n.startswith(sym.name + '.') and (m := n.split('.')[-1]) in own and s.doc
            and (m == '__call__' or not m.startswith('_')) and not _patched(s.node)]


def block(sym: Symbol, module: dict[str, Symbol], link: Callable[[str], str] = str, depth: int = 0) -> str:
    "The documentation of one symbol as a MyST directive of Sphinx's Python domain; `link` is applied to its docstrings."
    bases = [ast.unparse(b) for b in sym.node.bases] if sym.kind == 'class' else []
    inner = [block(s, module, link) for s in members(sym, module)] if sym.kind == 'class' else []
    directive = 'method' if sym.kind in ('classmethod', 'staticmethod') else sym.kind
    options = [f':module: {sym.module}'] + ([f':{sym.kind}:'] if directive != sym.kind else [])
    ret = returns(sym) if sym.kind == 'property' else None
    if ret: options.append(f':type: {ret.type}')
    sig = signature(sym).replace('\n', ' ')
    if depth == 0 and not inner: depth = 1
    bases_line = 'Bases: ' + ', '.join(f'`{b}`' for b in bases) if bases else ''
    return _fenced(depth + (2 if inner else 0), f'{{py:{directive}}} {sig}\n' + '\n'.join(options) + '\n', bases_line, link(sym.doc),
                   '' if sym.kind == 'property' else table(sym), *inner)


def tags(symbols: dict[str, Symbol]) -> dict[str, tuple[str, int, int]]:
    "Where each symbol stands in its source, as Sphinx's viewcode wants it: name -> (kind, first line, last line)."
    first = lambda n: min([n.lineno, *[d.lineno for d in n.decorator_list]])
    return {n: ('class' if s.kind == 'class' else 'def', first(s.node), s.node.end_lineno) for n, s in symbols.items()}
