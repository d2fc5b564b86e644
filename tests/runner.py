"""Runs one notebook in a process of its own, through nbdev's own runner: `python tests/runner.py NOTEBOOK`; the exit status says whether it succeeded.

A process of its own, because a crash of native code (or a thread that a notebook leaves behind) is then that notebook's failure and nobody else's."""
import os, signal, subprocess, sys, tempfile
from pathlib import Path

import house

LIMIT = 600     # s


def runs(nb: Path, limit: float = LIMIT) -> tuple[bool, str]:
    "Whether every cell of `nb` ran, but for those with a flag of settings.ini's `tst_flags` (and not in NBDEV_FLAGS), and what it printed to stderr."
    with tempfile.TemporaryFile() as errors:        # a pipe would stay open until joblib's idle workers end, five minutes later
        process = subprocess.Popen([sys.executable, '-X', 'faulthandler', __file__, str(nb)], cwd=house.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=errors, start_new_session=True, env=os.environ | {'MPLBACKEND': 'agg'})
        late = False
        try: process.wait(timeout=limit)
        except subprocess.TimeoutExpired: late = True
        finally:
            try: os.killpg(process.pid, signal.SIGKILL)        # with whatever it started
            except ProcessLookupError: pass
        errors.seek(0)
        said = f'still running after {limit} s' if late else errors.read().decode(errors='replace')
    status = process.wait()
    return status == 0, said if status in (0, 1) else f'exit status {status}\n{said}'


if __name__ == '__main__':
    from nbdev.test import test_nb
    ok, _ = test_nb(Path(sys.argv[1]), skip_flags=house.settings(house.ROOT)['tst_flags'].split(), force_flags=os.environ.get('NBDEV_FLAGS', '').split(),
                    basepath=house.ROOT)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(not ok)      # at once: what the notebook's libraries do at exit is not what is tested
