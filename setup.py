"""Packaging: everything is read from settings.ini, which nbdev shares."""
import configparser, shlex
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
words = lambda key: shlex.split(cfg.get(key, ''))

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], author=cfg['author'],
    author_email=cfg['author_email'], url=cfg['git_url'], license='Apache-2.0', keywords=cfg['keywords'],
    long_description=(here/'README.md').read_text(encoding='utf-8') if (here/'README.md').exists() else '',
    long_description_content_type='text/markdown',
    packages=find_packages(include=['editorbot', 'editorbot.*']), include_package_data=True,
    package_data={'editorbot': ['checkpoints/**/*', 'notebooks/**/*']},
    python_requires='>=' + cfg['min_python'], install_requires=words('requirements'),
    extras_require={'dev': words('dev_requirements')},
    entry_points={'console_scripts': words('console_scripts'), 'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    zip_safe=False)
