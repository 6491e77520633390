#!/usr/bin/env python3
"""Checks that each public header compiles alone, and that includes follow the layers.

Public are the headers directly in a layer's folder; those in its detail/ folder are installed with
them, but only the layers themselves may include them. The CXX in the environment is used, g++
otherwise.
"""
import re

import checks

# A layer, and the layers that it may include.
LAYERS = {
    'wrap': {'wrap'},
    'mp': {'wrap', 'mp'},
    'suio': {'wrap', 'suio'},
    'async': {'wrap', 'mp', 'suio', 'async'},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def includes(path):
    return INCLUDE.findall((checks.ROOT / path).read_text())


def compiles_alone(header):
    accepted, messages = checks.compile_only(['-x', 'c++', '-'], f'#include "{header}"\n')
    return '' if accepted else messages


def follows_layers(source):
    """A layer's file includes its own layer and the ones below, by their path from the root."""
    allowed = LAYERS[source.partition('/')[0]]
    wrong = [name for name in includes(source)
             if name.partition('/')[0] not in allowed or not (checks.ROOT / name).exists()]
    return '\n'.join(f'{source} may not include "{name}"' for name in wrong)


def uses_public_headers(source):
    """An example includes only public headers of the layers."""
    wrong = [name for name in includes(source)
             if name.partition('/')[0] in LAYERS and '/detail/' in name]
    return '\n'.join(f'{source} includes "{name}", which is not public' for name in wrong)


def files(*patterns):
    return sorted(str(path.relative_to(checks.ROOT))
                  for pattern in patterns for path in checks.ROOT.glob(pattern))


todo = []
for layer in LAYERS:
    todo += [(f'{header} alone', lambda header=header: compiles_alone(header))
             for header in files(f'{layer}/*.h')]
    todo += [(f'layers of {source}', lambda source=source: follows_layers(source))
             for source in files(f'{layer}/**/*.h', f'{layer}/**/*.cc')]
todo += [(f'public headers in {source}', lambda source=source: uses_public_headers(source))
         for source in files('examples/**/*.h', 'examples/**/*.cc')]
checks.count(todo)
