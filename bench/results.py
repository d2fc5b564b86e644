"""RESULTS.md from bench/results/*.json: today's figures, a row a claim, each with the command that makes it.

    make results              writes RESULTS.md again
    python bench/results.py --check    says whether it is what the files say

A benchmark calls `record` with what it found; the file is committed when the figures are to be today's. A claim is a dictionary: claim, value, and where there are such interval, aim, beside (a baseline of the same run)."""
import argparse, json, sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PAGE = ROOT/'bench/results', ROOT/'RESULTS.md'
PARTS = {'alignment': 'Alignment', 'pointer': 'The pointer network and its stages', 'personal': 'A person\'s rules', 'songs': 'Songs', 'files': 'Recordings as they come',
         'super_editor': 'The super editor', 'agent': 'The agent', 'feedback': 'Feedback', 'cost': 'Cost', 'house': 'The code'}
COLUMNS = {'claim': 'claim', 'value': 'today', 'interval': '95 % interval', 'aim': 'aim', 'beside': 'beside it'}
HEAD = '''# Results

Today's figures, made from `bench/results/*.json` by `make results`. Each table names the command that makes it. [log/](log/README.md) tells how they came about, negative results included.
F1 is 1 for a perfect edit: *keep F1* compares which moments are kept, *boundary F1* cuts within 0.5 or 3 s of a true one. Held out means: no network of the row has seen the package of music that it is judged on.
'''


def record(name: str, part: str, title: str, command: str, claims: list[dict], note: str = '') -> Path:
    "Write bench/results/NAME.json."
    if part not in PARTS: raise ValueError(f'{part} is not one of {", ".join(PARTS)}')
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER/f'{name}.json'
    path.write_text(json.dumps(dict(part=part, title=title, command=command, date=f'{date.today()}', note=note, claims=claims), indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    return path


def word(x) -> str:
    "A number with three digits; an interval in brackets; words as they are."
    if isinstance(x, (list, tuple)): return '[' + ', '.join(map(word, x)) + ']'
    if isinstance(x, float): return f'{x:.3f}'.replace('0.', '.', 1) if abs(x) < 1 else f'{x:.3g}'
    return '' if x is None else str(x).replace('|', '\\|')


def table(result: dict) -> str:
    used = [c for c in COLUMNS if c in ('claim', 'value') or any(r.get(c) is not None for r in result['claims'])]
    rows = [[COLUMNS[c] for c in used], ['---'] + ['---:'] * (len(used) - 1)] + [[word(r.get(c)) for c in used] for r in result['claims']]
    text = f"**{result['title']}** (`{result['command']}`, {result['date']})\n\n" + '\n'.join('| ' + ' | '.join(r) + ' |' for r in rows) + '\n'
    return text + (f"\n{result['note']}\n" if result['note'] else '')


def page() -> str:
    results = [json.loads(p.read_text(encoding='utf-8')) for p in sorted(FOLDER.glob('*.json'))]
    return HEAD + ''.join(f'\n## {title}\n\n' + '\n'.join(table(r) for r in results if r['part'] == part) for part, title in PARTS.items() if any(r['part'] == part for r in results))


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--check', action='store_true', help='write nothing; fail if the page is another')
    if ap.parse_args().check: sys.exit(PAGE.read_text(encoding='utf-8') != page() and 'RESULTS.md is not what bench/results/*.json say: make results')
    PAGE.write_text(page(), encoding='utf-8')
    print(f'wrote {PAGE.name}')
