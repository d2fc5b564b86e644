"""kill -9 in the middle: `python tests/kill.py edit -n 50`. A command is killed at random moments of its run.

Whatever then lies under the name of an output must be whole, and the same command must complete, with the same bytes as
a run that nobody disturbed. Every run is a fork of this process, which has imported all libraries: so the moments fall
into the work. Prints a table and writes JSON; with --record also bench/results/kill.json."""
import argparse, hashlib, importlib, json, os, pkgutil, random, re, shutil, signal, sys, tempfile, time, zipfile
from pathlib import Path

TAKES_TIME = ('.json', '.ipynb', '.png', '.log')             # these hold dates, seconds or paths: whole is enough


def material(folder: Path, pairs: int = 2):
    "Two little pairs of the synthetic band, of one length."
    import soundfile as sf
    from editorbot.simulation.band import synth_song
    for k in range(pairs):
        x = synth_song(k, 40, 22050)
        for sub, y in (('input', x), ('desired_output', x[4 * 22050:30 * 22050])):
            (folder/'data'/sub).mkdir(parents=True, exist_ok=True)
            sf.write(folder/'data'/sub/f's{k}_{"raw" if sub == "input" else "edit"}.wav', y, 22050)


COMMANDS = {
    'edit': ['edit', 'data/input/s0_raw.wav', '--with', 'data/input/s1_raw.wav', '-o', 'out/edit.wav', '--editor', 'keep',
             '--target-ratio', '.5', '--overwrite'],
    'songs': ['songs', 'data/input/s0_raw.wav', '-o', 'out/songs', '--overwrite'],
    'precache': ['precache', '--data', 'data', '-j', '1', '--features', 'basic'],
    'pointer': ['train', 'pointer', '-p', 'recipe', 'quick', '-p', 'sessions', '3', '-p', 'steps', '6', '-p', 'jobs', '1', '-p', 'output', 'out/model'],
    'fine_tuning': ['train', 'pointer', '--data', 'data', '--from', 'shipped', '-p', 'recipe', 'quick', '-p', 'jobs', '1', '-p', 'output', 'out/person'],
}


def whole(p: Path) -> bool:
    "Can a file be read from its beginning to its end?"
    import numpy as np, soundfile as sf
    from safetensors.numpy import load_file
    try:
        if p.suffix in ('.json', '.ipynb'): json.loads(p.read_text(encoding='utf-8'))
        elif p.suffix in ('.wav', '.flac'): assert len(sf.read(p)[0]) == sf.info(p).frames > 0
        elif p.suffix == '.npz': [v.shape for v in np.load(p).values()]
        elif p.suffix == '.npy': np.load(p)
        elif p.suffix == '.safetensors': load_file(p)
        elif p.suffix == '.png': assert p.read_bytes().endswith(b'IEND\xaeB`\x82')
    except Exception as e: print(f'  {p}: {type(e).__name__}: {e}'); return False
    return True


def digest(p: Path, folder: Path) -> str:
    """The hash of a file but for the folder's name; of arrays without the header, which holds the hash of a dated EDL; of a
    state of training without the name of its temporary file, which PyTorch writes into it."""
    import numpy as np
    if p.suffix == '.pt':
        with zipfile.ZipFile(p) as z: return hashlib.sha256(b''.join(n.split('/', 1)[1].encode() + z.read(n) for n in sorted(z.namelist()))).hexdigest()
    if p.suffix != '.npz': return hashlib.sha256(p.read_bytes().replace(str(folder).encode(), b'')).hexdigest()
    return hashlib.sha256(b''.join(k.encode() + v.tobytes() for k, v in sorted(np.load(p).items()) if k != 'header')).hexdigest()


def files_in(folder: Path) -> list[Path]:
    "Every finished file that the command made."
    return [p for p in sorted(folder.rglob('*')) if p.is_file() and not p.name.startswith('.') and p.parent.name not in ('input', 'desired_output')]


def outputs(folder: Path) -> dict[str, str]:
    "The files that the command made, named without the time of the run, and the hash of those that must come out alike."
    named = lambda p: re.sub(r'-\d{8}-\d{6}|tfevents.*', '', str(p.relative_to(folder)))
    return {named(p): '' if p.suffix in TAKES_TIME or 'tfevents' in p.name else digest(p, folder) for p in files_in(folder)}


def libraries():
    "Import what the commands will need."
    import editorbot, matplotlib, torch
    matplotlib.use('agg'); torch.set_num_threads(1)
    names = [m.name for m in pkgutil.walk_packages(editorbot.__path__, 'editorbot.')]
    for name in (*names, 'IPython', 'librosa.beat', 'lightning_fabric', 'papermill'): importlib.import_module(name)


def notebook_here(path: str, output: str, values: dict, **_):
    "What `papermill.execute_notebook` does, without a process for the kernel."
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook
    nb, shell = parameterize_notebook(load_notebook_node(path), values), InteractiveShell.instance()
    for c in nb.cells:
        if c.cell_type == 'code': shell.run_cell(c.source).raise_error()
    nbformat.write(nb, output)


def in_fork(command: str, folder: Path, log: Path):
    "Run a command; never returns."
    import papermill
    from editorbot.app.cli import main
    os.setsid(); os.chdir(folder)
    for path, flags, to in ((os.devnull, os.O_RDONLY, 0), (log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 1), (log, os.O_WRONLY | os.O_APPEND, 2)):
        os.dup2(os.open(path, flags), to)
    papermill.execute_notebook, status = notebook_here, 1
    try: main(COMMANDS[command]); status = 0
    except SystemExit as e: status = int(e.code or 0)
    except BaseException as e: print(f'{type(e).__name__}: {e}')
    sys.stdout.flush(); sys.stderr.flush()
    os._exit(status)


def run(command: str, folder: Path, after: float = float('inf')) -> tuple[int, float, str]:
    "Exit status, seconds and words of a run, killed `after` so many seconds."
    start, log = time.time(), folder.with_suffix('.log')
    pid = os.fork()
    if not pid: in_fork(command, folder, log)
    while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.time() - start < after: time.sleep(.005)
    if not ended[0]:
        os.killpg(pid, signal.SIGKILL)                        # a session of its own: the command and its workers, nothing else
        ended = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(ended[1]), time.time() - start, log.read_text(errors='replace') if log.exists() else ''


def trial(command: str, n: int, seed: int, folder: Path) -> dict:
    "Kill a command `n` times, and let it complete each time. A run that had ended before its moment came counts as a run, not as a kill."
    fresh = folder/'fresh'; material(fresh)
    undisturbed = folder/'undisturbed'; shutil.copytree(fresh, undisturbed)
    status, seconds, said = run(command, undisturbed)
    assert status == 0, said
    want, rng, killed, broken, failed, differ = outputs(undisturbed), random.Random(seed), 0, [], [], []
    k = 0
    while killed < n and k < 2 * n:
        print(f'\r{command} {killed} of {n}', end='', file=sys.stderr, flush=True)
        d = folder/f'{k}'; shutil.copytree(fresh, d)
        status, _, _ = run(command, d, rng.uniform(.1, 1) * seconds)
        killed += status == -signal.SIGKILL
        broken += [f'{k}: {p}' for p in files_in(d) if not whole(p)]
        status, _, said = run(command, d)
        if status: failed.append(f'{k}: {said.strip().splitlines()[-1]}')
        else: differ += [f'{k}: {p}' for p, h in want.items() if outputs(d).get(p) != h]
        shutil.rmtree(d)
        k += 1
    return dict(command=command, runs=k, killed=killed, half_written=broken, not_completed=failed, other_bytes=differ, seconds=round(seconds, 1))


def recorded(rows: list[dict]):
    "The rows as claims of bench/results/kill.json; those of other commands stay."
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'bench'))
    import results
    p = results.FOLDER/'kill.json'
    old = {c['claim']: c for c in json.loads(p.read_text(encoding='utf-8'))['claims']} if p.exists() else {}
    for r in rows:
        bad = [f'{len(r[k])} {k.replace("_", " ")}' for k in ('half_written', 'not_completed', 'other_bytes') if r[k]]
        claim = f'`{r["command"]}` killed at random moments'
        old[claim] = dict(claim=claim, value=f'{r["killed"]} of {r["runs"]} killed: ' + (', '.join(bad) or 'all whole, all complete, the same bytes'))
    results.record('kill', 'files', 'kill -9 in the middle', f'python tests/kill.py -n {max(r["killed"] for r in rows)} --record', list(old.values()))


if __name__ == '__main__':
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument('commands', nargs='*', default=list(COMMANDS)); a.add_argument('-n', type=int, default=50)
    a.add_argument('--seed', type=int, default=0)
    a.add_argument('-o', default='outputs/kill.json')
    a.add_argument('--record', action='store_true', help='also write bench/results/kill.json')
    a = a.parse_args()
    rows = []
    libraries()
    for c in a.commands or COMMANDS:
        with tempfile.TemporaryDirectory() as d: rows.append(trial(c, a.n, a.seed, Path(d)))
        r = rows[-1]
        print(f'{c:<10} {r["killed"]} of {r["runs"]} killed, half-written {len(r["half_written"])}, not completed {len(r["not_completed"])}, other bytes {len(r["other_bytes"])}', flush=True)
        for k in ('half_written', 'not_completed', 'other_bytes'):
            for x in r[k][:20]: print(f'  {k.replace("_", " ")}: {x}', flush=True)
    Path(a.o).parent.mkdir(parents=True, exist_ok=True)
    Path(a.o).write_text(json.dumps(rows, indent=1))
    if a.record: recorded(rows)
    sys.exit(any(r['half_written'] or r['not_completed'] or r['other_bytes'] for r in rows))
