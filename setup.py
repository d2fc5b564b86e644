"""Packaging: everything is read from settings.ini, which nbdev shares."""
import configparser, shlex, shutil
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
words = lambda key: shlex.split(cfg.get(key, ''))

class WithNotebooks(build_py):
    "`editorbot train` runs the recipes: a built package carries copies of them."
    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False): return
        to = Path(self.build_lib)/cfg['lib_path']/'notebooks'
        to.mkdir(parents=True, exist_ok=True)
        for nb in (here/cfg['nbs_path']/'recipes').glob('*.ipynb'): shutil.copy(nb, to)


setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], author=cfg['author'],
    author_email=cfg['author_email'], url=cfg['git_url'], license='Apache-2.0', keywords=cfg['keywords'],
    long_description=(here/'README.md').read_text(encoding='utf-8') if (here/'README.md').exists() else '',
    long_description_content_type='text/markdown',
    packages=find_packages(include=['editorbot', 'editorbot.*']), include_package_data=True,
    package_data={'editorbot': ['checkpoints/**/*']},
    python_requires='>=' + cfg['min_python'], install_requires=words('requirements'),
    extras_require={k.removesuffix('_requirements'): words(k) for k in cfg if k.endswith('_requirements')},
    entry_points={'console_scripts': words('console_scripts'), 'editorbot.editors': words('editors'),
                  'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    cmdclass={'build_py': WithNotebooks}, zip_safe=False)
