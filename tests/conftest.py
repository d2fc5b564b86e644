"""What all tests share: Chromium for the browser tests, and no test that leaves its traces to the next."""
import os, shutil

import pytest

CHROMIUM = next((p for n in ('chromium', 'chromium-browser', 'google-chrome') if (p := shutil.which(n))), None)
BROWSER = {'page', 'browser', 'context'}         #: fixtures of tests that drive one
CI = os.environ.get('CI', '').lower() in ('1', 'true')


def pytest_configure(config):
    "Each test process has a numba cache of its own: numba writes it without a lock, and tests and notebooks import librosa as they like."
    os.environ['NUMBA_CACHE_DIR'] = str(config.cache.mkdir('numba')/os.environ.get('PYTEST_XDIST_WORKER', 'main'))


def pytest_collection_modifyitems(items):
    "Tests that ask for a browser are skipped where there is none; in CI its absence is a failure, since .ci/run installs it."
    for item in items:
        if BROWSER & set(item.fixturenames): item.add_marker(pytest.mark.slow)
    if CHROMIUM or CI: return
    skip = pytest.mark.skip(reason='no Chromium found (Debian: apt install chromium); the browser tests are left out')
    for item in items:
        if BROWSER & set(item.fixturenames): item.add_marker(skip)


@pytest.fixture(scope='session')
def browser_type_launch_args(browser_type_launch_args) -> dict:
    "pytest-playwright drives the machine's own Chromium; as root it must do without its sandbox."
    if not CHROMIUM: raise FileNotFoundError('no Chromium on PATH: apt install chromium chromium-driver')
    return {**browser_type_launch_args, 'executable_path': CHROMIUM, 'args': ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']}
