# SPDX-License-Identifier: MIT
"""What the bench's rows are made of: data sets, mounts, timing, and the table.

Every figure is a ratio: ours and the yardstick run alternately, after one round that is not
counted, and the median of the pair-by-pair ratios is what is reported. A machine that is busy
makes both slower.
"""
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

# A row of the table. pair(bench) gives two functions of no argument, ours and the yardstick's, each
# returning what it took; `absolute` rows give one function, whose result is compared itself. must and stretch may
# be None: the figure is only shown.
Row = namedtuple('Row', 'key what yardstick must stretch pair pinned absolute unit',
                 defaults=(False, False, ''))


class Skip(Exception):
    """This row cannot be had here, and why."""


class Mount:
    """A FUSE daemon and its mount point; leaving the context unmounts it. `stays`: the program does not go into
    the background by itself."""

    def __init__(self, argv, text=None, stays=False, env=None):
        self.path = tempfile.mkdtemp(prefix='dcmfs-bench-')
        argv = [a.replace('@', self.path) for a in argv]
        start = time.monotonic()
        self.process = None
        if stays:
            why = self.start(argv, env)
        else:
            p = subprocess.run(argv, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=with_env(env))
            why = p.stderr.strip()[-200:]
        self.ready = time.monotonic() - start
        if not os.path.ismount(self.path):
            os.rmdir(self.path)
            raise Skip(f'{os.path.basename(argv[0])}: {why or "not mounted"}')
        self.pid = self.process.pid if stays else self.find_daemon(os.path.basename(argv[0]))

    def start(self, argv, env):
        """Run it beside us until there is a mount, or it has ended without one."""
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=with_env(env))
        for _ in range(1000):
            if os.path.ismount(self.path) or self.process.poll() is not None:
                break
            time.sleep(0.01)
        if not os.path.ismount(self.path):
            self.process.kill()
            self.process.wait()
        return ''

    def find_daemon(self, name):
        """The daemon is the process of that name that has the mount point on its command line."""
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError):
                argv = open(f'/proc/{pid}/cmdline').read().split('\0')
                if os.path.basename(argv[0]) == name and self.path in argv:
                    return int(pid)
        raise Skip(f'{name}: no daemon found')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(50):     # somebody who looks at every mount may keep it busy
            if subprocess.run(['fusermount3', '-u', self.path], check=False, stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        if self.process:
            self.process.wait()
        for _ in range(500):
            if not os.path.exists(f'/proc/{self.pid}'):
                break
            time.sleep(0.01)
        with contextlib.suppress(OSError):
            os.rmdir(self.path)

    def at(self, rel):
        return os.path.join(self.path, rel)

    def cpu(self):
        """Seconds of processor time so far, to the nanosecond."""
        total = 0
        for task in os.listdir(f'/proc/{self.pid}/task'):
            with contextlib.suppress(OSError):
                total += int(open(f'/proc/{self.pid}/task/{task}/schedstat').read().split()[0])
        return total / 1e9

    def rss(self):
        """Resident bytes that are the daemon's own."""
        for line in open(f'/proc/{self.pid}/status'):
            if line.startswith('RssAnon:'):
                return int(line.split()[1]) * 1024
        return 0


class Bench:
    def __init__(self, build, size, rounds, data=None):
        self.build, self.size, self.rounds = os.path.abspath(build), size, rounds
        self.dir = os.path.join(self.build, 'bench')
        self.data_dir = os.path.abspath(data) if data else os.path.join(self.dir, 'data')
        self.dcmfs = os.path.join(self.build, 'dcmfs')
        self.archive_files = 100000 if size == 'full' else 20000
        self.cpus = os.cpu_count() or 1
        self.kept = {}       # what a mount was asked once
        self.folders = []    # what a row left in memory

    def scratch(self, name):
        """A folder in memory, where there is one, until the row is over."""
        top = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
        self.folders.append(tempfile.mkdtemp(prefix=f'dcmfs-{name}-', dir=top))
        return self.folders[-1]

    def clean_up(self):
        while self.folders:
            shutil.rmtree(self.folders.pop(), ignore_errors=True)

    def tool(self, name):
        return os.path.join(self.dir, name)

    # -- data sets ---------------------------------------------------------------------------------

    def make(self, name, how):
        """The set NAME in the folder of the sets, made once; a half-made one has another name."""
        path = os.path.join(self.data_dir, name)
        if not os.path.exists(path):
            print(f'  making {name}', file=sys.stderr)
            shutil.rmtree(path + '.part', ignore_errors=True)
            os.makedirs(path + '.part')
            how(path + '.part')
            os.rename(path + '.part', path)
        return path

    def data(self, name):
        makers = {'ct_j2k': ['gdcmconv', '--j2k'], 'ct_rle': ['dcmcrle'],
                  'ct_jpll': ['dcmcjpeg', '+e1'], 'ct_jls': ['dcmcjpls']}
        if name in makers:
            return self.compressed(name, makers[name])
        if name.startswith('ct_12bit'):
            return self.twelve_bit(name, name[8:])
        if name.startswith('archive'):
            n = int(name[7:] or self.archive_files)
            kind = 'archive' if n <= 100000 else 'tiny'
            return self.make(f'archive{n}', lambda d: run([self.tool('mkarchive'), kind, d, str(n)]))
        return self.make(name, lambda d: run([self.tool('mkarchive'), name, d]))

    def twelve_bit(self, name, n):
        """ct, or n slices of it, with values of 12 bits and a sign, and the distance of its slices."""
        need('dcmodify')

        def change(to):
            run([self.tool('mkarchive'), 'ct', to, *([n] if n else [])])
            run(['dcmodify', '-nb', '-ie', '-m', '0028,0101=12', '-m', '0028,0102=11', '-i', '0018,0088=1.25',
                 *files_under(to)])
        return self.make(name, change)

    def compressed(self, name, command):
        """A hundred slices of ct from its noisy middle."""
        need(command[0])

        def convert(to):
            for i in range(251, 351):
                src = f'{self.data("ct")}/P0001/S0001/E00001/{i:05}.dcm'
                run([*command, src, f'{to}/{i:05}.dcm'])
        return self.make(name, convert)

    def frames(self, name):
        """The compressed frames of a set in one file, each behind its length."""
        path = os.path.join(self.data_dir, name + '.frames')
        if not os.path.exists(path):
            try:
                import pydicom
                from pydicom.encaps import generate_pixel_data_frame
            except ImportError:
                raise Skip('python3-pydicom is not installed') from None
            with open(path + '.part', 'wb') as out:
                for p in sorted(files_under(self.data(name))):
                    frame = b''.join(generate_pixel_data_frame(pydicom.dcmread(p).PixelData, 1))
                    out.write(len(frame).to_bytes(4, 'little') + frame)
            os.rename(path + '.part', path)
        return path

    # -- mounts ------------------------------------------------------------------------------------

    def mount(self, src, *options, index='none', env=None):
        opts = ','.join([f'index={index}', *options])
        return Mount([self.dcmfs, '-o', opts, src, '@'], env=env)

    def null(self, src, view):
        """The null file system, with the names and sizes that a view of src has."""
        key = ('null', src, view)
        if key not in self.kept:
            with self.mount(src) as m:
                self.kept[key] = manifest(m.at(view))
        return Mount([self.tool('nullfs'), '@'], self.kept[key])

    def dicomfs(self, src):
        """nibabel's file system over a folder; what it remembers of one is gone with the row."""
        need('nib-dicomfs')
        return Mount(['nib-dicomfs', src, '@'], stays=True, env={'TMPDIR': self.scratch('dicomfs')})

    def slow_disk(self):
        """An environment in which each open of a file takes five milliseconds."""
        so = self.tool('slowdisk.so')
        if not os.path.exists(so):
            code = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'preload', 'slowdisk.c')
            run(['cc', '-O2', '-shared', '-fPIC', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64', '-o', so, code])
        return {'LD_PRELOAD': so}

    def passthrough(self, top):
        """The mirror that libfuse brings as an example, over a folder."""
        exe = self.tool('passthrough_ll')
        code = '/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c'
        if not os.path.exists(code):
            raise Skip('libfuse3-dev has no passthrough_ll.c')
        if not os.path.exists(exe):
            flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'fuse3'], text=True,
                                   stdout=subprocess.PIPE, check=True).stdout.split()
            run(['cc', '-O2', '-w', '-o', exe, code, *flags])
        return Mount([exe, '-o', f'source={top}', '@'])

    def volume(self, src, view='nii'):
        """The path, below the view, of the largest file in it."""
        key = ('volume', src, view)
        if key not in self.kept:
            with self.mount(src) as m:
                top = m.at(view)
                best = max(files_under(top), key=os.path.getsize, default=None)
                if not best:
                    raise Skip(f'{view}/ of {os.path.basename(src)} is empty')
                self.kept[key] = os.path.relpath(best, top)
        return self.kept[key]

    def folder(self, src, view):
        """The path, below the mount, of the folder of a view that has most entries."""
        key = ('folder', src, view)
        if key not in self.kept:
            with self.mount(src) as m:
                best = max(os.walk(m.at(view)), key=lambda w: len(w[2]))[0]
                self.kept[key] = os.path.relpath(best, m.path)
        return self.kept[key]

    # -- measuring ---------------------------------------------------------------------------------

    def cold(self, mounter, command):
        """Seconds of one command on a fresh mount; the mounting is not counted."""
        def once():
            with mounter() as m:
                return timed(command(m))
        return once

    def cold_cpu(self, mounter, command):
        """The same in processor seconds, of the reader and of the daemon."""
        def once():
            with mounter() as m:
                before = m.cpu() + children()
                run(command(m))
                return m.cpu() + children() - before
        return once

    def warm(self, mounter, command):
        """Seconds of the second run of a command on one mount."""
        def once():
            with mounter() as m:
                run(command(m))
                return timed(command(m))
        return once

    def reads(self, *args):
        return [self.tool('reads'), *map(str, args)]

    def measure(self, row):
        before = os.sched_getaffinity(0)
        try:
            if row.pinned:
                os.sched_setaffinity(0, {min(before)})
            pair = row.pair(self)
            if row.absolute:
                took = [pair[0]() for _ in range(pair[1] if len(pair) > 1 else 1)]
                return dict(ratio=statistics.median(took), low=min(took), high=max(took))
            ours, theirs = pair
            took = []
            for i in range(self.rounds + 1):
                if i % 2:       # the order alternates too
                    a, b = ours(), theirs()
                else:
                    b, a = theirs(), ours()
                took.append((a, b))
            ratios = [a / b for a, b in took[1:]]
            return dict(ratio=statistics.median(ratios), low=min(ratios), high=max(ratios),
                        ours=statistics.median(a for a, _ in took[1:]),
                        theirs=statistics.median(b for _, b in took[1:]))
        finally:
            os.sched_setaffinity(0, before)


def with_env(env):
    return {**os.environ, **(env or {})}


def need(program):
    if not shutil.which(program):
        raise Skip(f'{program} is not installed')


def run(argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       shell=isinstance(argv, str), **kw)
    if p.returncode:
        raise Skip(f'{argv if isinstance(argv, str) else os.path.basename(argv[0])}: exit {p.returncode} '
                   f'{p.stderr.decode(errors="replace").strip()[-200:]}')


def timed(argv):
    start = time.monotonic()
    run(argv)
    return time.monotonic() - start


def children():
    t = resource.getrusage(resource.RUSAGE_CHILDREN)
    return t.ru_utime + t.ru_stime


def files_under(top):
    for root, dirs, names in os.walk(top):
        dirs.sort()
        for n in sorted(names):
            yield os.path.join(root, n)


def manifest(top):
    """What nullfs reads: type, size and path of everything below."""
    lines = ['d 0 ']
    for root, dirs, names in os.walk(top):
        rel = os.path.relpath(root, top)
        rel = '' if rel == '.' else rel + '/'
        lines += [f'd 0 {rel}{d}' for d in sorted(dirs)]
        lines += [f'f {os.lstat(os.path.join(root, n)).st_size} {rel}{n}' for n in sorted(names)]
    return '\n'.join(lines) + '\n'


def mark(row, got):
    if row.must is None:
        return ''
    return 'stretch' if got['ratio'] <= row.stretch else 'must' if got['ratio'] <= row.must else 'MISSED'


def line_of(row, got):
    if isinstance(got, Skip):
        return [row.key, row.what, row.yardstick, '—', '', num(row.must), num(row.stretch), f'not run: {got}']
    value = f'{num(got["ratio"])} {row.unit}'.strip() if row.absolute else f'{num(got["ratio"])}x'
    spread = f'{num(got["low"])}–{num(got["high"])}'
    return [row.key, row.what + (' *P*' if row.pinned else ''), row.yardstick, value, spread,
            num(row.must), num(row.stretch), mark(row, got)]


def num(v):
    if v is None:
        return ''
    return f'{v:.0f}' if v >= 100 else f'{v:.2g}' if v < 0.1 else f'{v:.2f}'


def report(bench, results, path):
    """The table, as Markdown; returns how many musts were missed."""
    model = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), '?')
    head = ['#', 'figure', 'yardstick', 'measured', 'spread', 'must', 'stretch', '']
    lines = [f'{model}, {bench.cpus} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}; '
             f'archive of {bench.archive_files:,} files; medians of {bench.rounds} alternating pairs. '
             '*P*: reader and daemon on one CPU.', '',
             '| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(line_of(r, g)) + ' |' for r, g in results]
    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines) + '\n')
    with open(os.path.splitext(path)[0] + '.json', 'w', encoding='utf-8') as f:
        json.dump({r.key: g for r, g in results if isinstance(g, dict)}, f, indent=1)
    return sum(isinstance(g, dict) and mark(r, g) == 'MISSED' for r, g in results)
