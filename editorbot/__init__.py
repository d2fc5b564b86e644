"""editorbot learns how you edit recordings and proposes edits for new ones, from the original samples."""
__version__ = "0.1.0"

_HOME = {'load_track': 'mel', 'Track': 'mel', 'propose': 'editor', 'get_editor': 'editor', 'render': 'rendering', 'align': 'alignment', 'evaluate': 'evaluation',
         'EDL': 'edl', 'Segment': 'edl', 'Source': 'edl', 'load_edl': 'edl', 'edl_from_regions': 'edl', 'plot_edit': 'plot', 'EditorbotError': 'core',
         'analyse_beats': 'beats', 'beat_features': 'features', 'separate': 'stems', 'find_pairs': 'pairs', 'check_pairs': 'pairs',
         'precache': 'cache', 'edit_labels': 'labels', 'analyse_labels': 'labels', 'plot_labels': 'labels', 'PairDataset': 'datasets', 'BeatDataset': 'datasets'}
__all__ = list(_HOME)


def __getattr__(name):
    "The main functions, imported when they are asked for: `import editorbot` itself costs nothing."
    if name not in _HOME: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module
    value = getattr(import_module(f'.{_HOME[name]}', __name__), name)
    globals()[name] = value
    return value


def __dir__(): return sorted([*globals(), *_HOME])
