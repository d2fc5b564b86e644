"""Sphinx's settings. docs/build.py runs it, and says through the environment where things are."""
import configparser, os, sys
from pathlib import Path

ROOT = Path(os.environ['EDITORBOT_ROOT'])
sys.path.insert(0, str(Path(__file__).parent))
import api  # noqa: E402

ini = configparser.ConfigParser(delimiters=['='], interpolation=None)
ini.read(ROOT/'settings.ini', encoding='utf-8')
settings = ini['DEFAULT']

project, author, version = settings['title'], settings['author'], settings['version']
release, copyright = version, settings['copyright']
language, smartquotes = 'en', False

extensions = ['myst_nb', 'sphinx.ext.mathjax', 'sphinx.ext.viewcode', 'sphinx_copybutton']
exclude_patterns = ['jupyter_execute']
root_doc = 'index'
suppress_warnings = ['ref.python', 'myst.header']      # a heading may skip a level

# Notebooks are shown with the outputs they are stored with.
nb_execution_mode = 'off'
nb_merge_streams = True
nb_render_markdown_format = 'myst'
nb_ipywidgets_js = {}            # clean notebooks store no widgets
nb_code_prompt_show, nb_code_prompt_hide = 'Source', 'Source'
myst_enable_extensions = ['dollarmath', 'amsmath', 'deflist', 'colon_fence', 'tasklist', 'attrs_inline']
myst_heading_anchors = 3
myst_update_mathjax = False      # what it would set stands in mathjax3_config
myst_dmath_double_inline = True

add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries = True
toc_object_entries_show_parents = 'hide'
copybutton_selector = 'div.cell_input pre, div.highlight-bash pre, div.highlight-console pre, div.highlight-python pre'

html_theme = 'furo'
html_title = f'{project} {version}'
html_static_path = [os.environ['EDITORBOT_STATIC']]
html_css_files, html_favicon = ['site.css'], 'static/icon.svg'
html_show_sphinx = False
html_copy_source = False
html_theme_options = {'navigation_with_keys': True, 'light_css_variables': {'color-brand-primary': '#a23b00', 'color-brand-content': '#a23b00'},
                      'dark_css_variables': {'color-brand-primary': '#ffab7a', 'color-brand-content': '#ffab7a'}}
pygments_style, pygments_dark_style = 'tango', 'github-dark'
mathjax_path = 'mathjax/tex-svg.js'
mathjax3_config = {
    'tex': {'inlineMath': [['\\(', '\\)']], 'displayMath': [['\\[', '\\]']]},
    'options': {'ignoreHtmlClass': 'tex2jax_ignore|mathjax_ignore|document', 'enableMenu': False,
                'processHtmlClass': 'tex2jax_process|mathjax_process|math|output_area'},
}

viewcode_follow_imported_members = False
viewcode_enable_epub = False


def find_source(app, modname: str):
    "viewcode's source of a module and where each name stands in it, methods that `@patch` adds included."
    path = ROOT.joinpath(*modname.split('.')).with_suffix('.py')
    if not path.exists(): path = ROOT.joinpath(*modname.split('.'))/'__init__.py'
    return path.read_text(encoding='utf-8'), api.tags(api.read_module(path, modname))


def setup(app):
    app.connect('viewcode-find-source', find_source)
