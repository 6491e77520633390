"""What makes the tests, and what is built for sanitizers, quick to build: sources are compiled
several as one, and with a precompiled header. The library and its programs are not, as they are
shipped: there each source has to have all its #includes."""
from SCons.Script import Action
from SCons.Tool import createObjBuilders

HEADER = 'tests/support/precompiled.h'
TOGETHER = 12  # sources compiled as one, so that two CPUs can share a folder


def prepare(env, build, one_by_one):
    """Adds to env what the functions here need. With `one_by_one` no sources are put together."""
    env['quick_build'] = build
    env['quick_together'] = env['quick_precompiled'] = False
    env['quick_one_by_one'] = one_by_one
    env['quick_header'] = env.Command(
        f'{build}/precompiled.h.gch', env.InstallAs(f'{build}/precompiled.h', HEADER),
        Action('$CXX -x c++-header -o $TARGET -c $CXXFLAGS $CCFLAGS $_CCCOMCOM $SOURCE',
               'precompile $SOURCE'))
    for builder in createObjBuilders(env):
        builder.add_emitter('.cc', depend_on_header)
    env.AddMethod(together, 'Together')


def depend_on_header(target, source, env):
    if env['quick_precompiled']:
        env.Depends(target, env['quick_header'])
    return target, source


def with_precompiled(env):
    """An environment like this one whose sources begin with what is precompiled."""
    if env['quick_precompiled']:
        return env
    quick = env.Clone(quick_precompiled=True)
    quick.Append(CXXFLAGS=['-include', f"{env['quick_build']}/precompiled.h", '-Winvalid-pch'])
    return quick


def with_together(env):
    """An environment like this one whose Together puts sources together."""
    return env.Clone(quick_together=not env['quick_one_by_one'])


def together(env, name, sources):
    """What to compile instead of these sources: files called `name`, each of which includes a few.
    The sources themselves, if this environment's are compiled one by one."""
    if not env['quick_together']:
        return sources
    return [env.Textfile(f"#{env['quick_build']}/together/{name}_{first // TOGETHER}.cc", [
        f'#include "{source.srcnode().path}"' for source in sources[first:first + TOGETHER]])[0]
            for first in range(0, len(sources), TOGETHER)]
