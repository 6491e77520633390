"""The options of the build and the compiler flags that each variant of it gets."""
from SCons.Script import BoolVariable, EnumVariable, Variables

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror']

# Library objects go into the static and the shared library alike, so each is compiled once. The
# flags take back what position independence costs: calls inside the library stay direct, and a
# thread-local variable is one load from the thread pointer.
LIBRARY = ['-fno-semantic-interposition', '-ftls-model=initial-exec']

SANITIZERS = {'address': ['-fsanitize=address,undefined',
                          '-fno-sanitize=enum'],  # those of rpcgen's C hold what a peer sent
              'thread': ['-fsanitize=thread'],
              'colors': ['-fsanitize=thread']}


def options(arguments):
    """The NAME=VALUE settings that `scons -h` explains."""
    variables = Variables(None, arguments)
    variables.AddVariables(
        BoolVariable('debug', 'optimise little and keep assertions', False),
        EnumVariable('sanitize', 'build with sanitizers (address includes undefined; colors: '
                     'ThreadSanitizer with a thread for each color)', 'none',
                     allowed_values=('none', *SANITIZERS)),
        BoolVariable('uniprocessor', 'one CPU and no threads: the baseline of Figure 1', False),
        ('builddir', 'where everything is built', 'build'),
        ('prefix', 'where `scons install` will be found', '/usr/local'),
        ('destdir', 'directory put before prefix when installing', ''),
        BoolVariable('verbose', 'show the commands in full', False),
        ('CXX', 'the C++ compiler: g++, or clang++ with sanitizers, unless this says another', ''),
        ('cxxflags', 'further compiler flags, after the variant\'s own', ''),
    )
    return variables


def name(env):
    """The directory under builddir in which this variant is built, such as `address-debug`."""
    parts = [env['sanitize']] if env['sanitize'] != 'none' else []
    parts += ['debug'] if env['debug'] else []
    parts += ['uniprocessor'] if env['uniprocessor'] else []
    return '-'.join(parts) or 'release'


def fuzzers_can_be_built(env):
    return env['sanitize'] == 'address' and 'clang' in env['CXX']


def fuzzed(env):
    """Flags for what is fuzzed: it tells libFuzzer which branches it takes."""
    return ['-fsanitize=fuzzer-no-link'] if fuzzers_can_be_built(env) else []


def apply(env):
    """Puts the variant's flags into env."""
    sanitizer = SANITIZERS.get(env['sanitize'])
    if not env['CXX']:
        env.Replace(CXX='clang++' if sanitizer else 'g++')
    flags = ['-std=c++20', '-pthread', *WARNINGS]
    if env['debug']:
        flags += ['-Og', '-g']
    elif sanitizer:
        flags += ['-O0', '-g1']  # soon built
    else:
        flags += ['-O2', '-g1', '-DNDEBUG']
    if env['uniprocessor']:
        flags += ['-DASYNC_UNIPROCESSOR']
    if env['sanitize'] == 'colors':
        flags += ['-DASYNC_CHECK_COLORS']
    env.Append(LINKFLAGS=['-pthread', '-Wl,--as-needed'])
    if sanitizer:
        flags += [*sanitizer, '-fno-sanitize-recover=all', '-fno-omit-frame-pointer',
                  '-fPIC']  # all alike, to share a precompiled header
        env.Append(LINKFLAGS=[*sanitizer, '-fuse-ld=lld'])  # links sooner than the usual one
    if not env['verbose']:
        env.Replace(CXXCOMSTR='compile $SOURCE', SHCXXCOMSTR='compile $SOURCE',
                    LINKCOMSTR='link $TARGET', SHLINKCOMSTR='link $TARGET',
                    ARCOMSTR='archive $TARGET', RANLIBCOMSTR='index $TARGET')
    env.Append(CXXFLAGS=flags + env.Split(env['cxxflags']), CPPPATH=['#'])
