"""What makes tests, the two servers, and what is built for sanitizers, quick to build: they are
compiled with a precompiled header, and several sources as one. The library is not, as it is
shipped: there each source has to have all its #includes."""
import os.path

from SCons.Script import Action
from SCons.Tool import createObjBuilders

HEADER = '#site_scons/precompiled.h'
TOGETHER = 12  # sources compiled as one, so that two CPUs can share a folder


def prepare(env, build, one_by_one):
    """Adds to env what the functions here need. With `one_by_one` no sources are put together."""
    env.Append(CXXFLAGS=['$quick_include'])
    env['quick_include'] = []
    env['quick_build'] = build if os.path.isabs(build) else f'#{build}'
    env['quick_together'] = False
    env['quick_one_by_one'] = one_by_one
    env['quick_header'] = precompile(env, 'precompiled')
    for builder in createObjBuilders(env):
        builder.add_emitter('.cc', depend_on_header)
    env.AddMethod(together, 'Together')


def precompile(env, name):
    """The header and what is precompiled of it, with env's flags."""
    header = f"{env['quick_build']}/{name}.h"
    return env.InstallAs(header, HEADER) + env.Command(
        f'{header}.gch', header,
        Action('$CXX -x c++-header -o $TARGET -c $CXXFLAGS $CCFLAGS $_CCCOMCOM $SOURCE',
               'precompile $SOURCE'), quick_include=[])


def depend_on_header(target, source, env):
    if env['quick_include']:
        env.Depends(target, env['quick_header'])
    return target, source


def with_precompiled(env):
    """An environment like this one whose sources begin with what is precompiled."""
    return env.Clone(quick_include=['-include', env['quick_header'][0].path, '-Winvalid-pch'])


def with_flags(env, name, flags):
    """An environment like this one with further flags; what is precompiled with them too is called
    `name`."""
    quick = env.Clone()
    quick.Append(CXXFLAGS=flags)
    if flags and env['quick_include']:
        quick['quick_header'] = precompile(quick, name)
        return with_precompiled(quick)
    return quick


def with_together(env):
    """An environment like this one whose Together puts sources together."""
    return env.Clone(quick_together=not env['quick_one_by_one'])


def together(env, name, sources):
    """What to compile instead of these sources: files called `name`, each of which includes a few.
    The sources themselves, if this environment's are compiled one by one."""
    if not env['quick_together']:
        return sources
    return [env.Textfile(f"{env['quick_build']}/together/{name}_{first // TOGETHER}.cc", [
        f'#include "{source.srcnode().path}"' for source in sources[first:first + TOGETHER]])[0]
            for first in range(0, len(sources), TOGETHER)]
