"""Runs one notebook in a process of its own, through nbdev's own runner: `python tests/runner.py NOTEBOOK`; the exit status says whether it succeeded.

A process of its own, because a crash of native code (or a thread that a notebook leaves behind) is then that notebook's failure and nobody else's.
Importing PyTorch, librosa and matplotlib takes longer than many notebooks do, so one process imports them and every notebook runs in a fork of it."""
import atexit, functools, os, signal, subprocess, sys, tempfile, time
from pathlib import Path

import house

LIMIT = 600     # s
HEAVY = 'torch torch._dynamo librosa librosa.feature librosa.beat lightning_fabric gymnasium ipywidgets matplotlib.pyplot scipy.signal soundfile nbdev.test'   # nothing of ours; the first optimiser of a process imports torch._dynamo


@functools.cache
def template() -> subprocess.Popen:
    "The process that has imported `HEAVY` and forks for every line `NOTEBOOK<tab>FILE FOR STDERR`; it answers with the process id."
    process = subprocess.Popen([sys.executable, '-X', 'faulthandler', __file__, '--serve'], cwd=house.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env=os.environ | {'MPLBACKEND': 'agg'})
    atexit.register(process.kill)
    return process


def runs(nb: Path, limit: float = LIMIT) -> tuple[bool, str]:
    "Whether every cell of `nb` ran, but for those with a flag of settings.ini's `tst_flags` (and not in NBDEV_FLAGS), and what it printed to stderr."
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder)/'stderr'
        server = template()
        status = ''
        try:
            print(nb, errors, limit, sep='\t', file=server.stdin, flush=True)
            status = server.stdout.readline().strip()
        finally:                                           # a test that runs out of time must not leave its answer to the next
            if not status: server.kill(); template.cache_clear()
        if not status: return False, 'the process that runs notebooks has died'
        said = errors.read_text(errors='replace')
    if status == 'late': return False, f'still running after {limit} s\n{said}'
    return status == '0', said if status in ('0', '1') else f'exit status {status}\n{said}'


def run(nb: str, errors: str):
    "In a fork: the notebook with its stderr in a file, nothing on stdin and stdout; never returns."
    os.setsid()
    for path, flags, to in ((os.devnull, os.O_RDONLY, 0), (os.devnull, os.O_WRONLY, 1), (errors, os.O_WRONLY | os.O_CREAT, 2)):
        os.dup2(os.open(path, flags), to)
    from nbdev.test import test_nb
    ok, _ = test_nb(Path(nb), skip_flags=house.settings(house.ROOT)['tst_flags'].split(), force_flags=os.environ.get('NBDEV_FLAGS', '').split(),
                    basepath=house.ROOT)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(not ok)      # at once: what the notebook's libraries do at exit is not what is tested


def wait(pid: int, limit: float) -> str:
    "The exit status of a fork, 'late' if it takes longer than `limit` s; with it goes whatever it started."
    end, status = time.monotonic() + limit, None
    while status is None and time.monotonic() < end:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done: status = str(os.waitstatus_to_exitcode(code))
        else: time.sleep(.02)
    try: os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError: pass
    if status is None: os.waitpid(pid, 0)
    return status or 'late'


def serve():
    "Fork for every line of stdin."
    import importlib
    for name in HEAVY.split(): importlib.import_module(name)
    for line in sys.stdin:
        nb, errors, limit = line.rstrip('\n').split('\t')
        pid = os.fork()
        if not pid: run(nb, errors)
        print(wait(pid, float(limit)), flush=True)


if __name__ == '__main__': serve() if sys.argv[1] == '--serve' else run(sys.argv[1], '/dev/stderr')
