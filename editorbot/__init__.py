"""editorbot learns how you edit recordings and proposes edits for new ones, from the original samples."""
__version__ = "0.1.0"

_HOME = {'load_track': 'sound.mel', 'Track': 'sound.mel', 'propose': 'editors.editor', 'get_editor': 'editors.editor', 'render': 'rendering', 'align': 'alignment.alignment', 'evaluate': 'metrics', 'export': 'interchange.export',
         'EDL': 'edl', 'Segment': 'edl', 'Source': 'edl', 'load_edl': 'edl', 'edl_from_regions': 'edl', 'plot_edit': 'plot', 'EditorbotError': 'core',
         'analyse_beats': 'sound.beats', 'beat_features': 'sound.beat_features', 'separate': 'sound.stems', 'find_pairs': 'data.pairs', 'check_pairs': 'data.pairs',
         'precache': 'data.cache', 'edit_labels': 'data.labels', 'analyse_labels': 'data.labels', 'plot_labels': 'data.labels', 'PairDataset': 'data.datasets', 'BeatDataset': 'data.datasets'}
__all__ = list(_HOME)


def __getattr__(name):
    "The main functions, imported when they are asked for: `import editorbot` itself costs nothing."
    if name not in _HOME: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module
    value = getattr(import_module(f'.{_HOME[name]}', __name__), name)
    globals()[name] = value
    return value


def __dir__(): return sorted([*globals(), *_HOME])
