#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A real mount, seen through the tools that people use on it.

Each test has a folder of its own and a time limit; what it mounted is unmounted and what it
started is killed by its process id, whatever happens. Standard error of the daemon must be
clean. $DCMFS is the program; arguments name tests to run alone."""
import contextlib
import errno
import hashlib
import json
import mmap
import os
import random
import resource
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

DCMFS = os.environ.get('DCMFS') or os.path.abspath('build/dcmfs')
LIMIT = int(os.environ.get('TEST_LIMIT', '60'))


# ---- DICOM files -------------------------------------------------------------------------

def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode()
    if len(value) % 2:
        value += b'\0' if vr in ('UI', 'OB') else b' '
    head = struct.pack('<HH2s', group, number, vr.encode())
    if vr in ('OB', 'OW', 'SQ', 'UN'):
        return head + struct.pack('<HI', 0, len(value)) + value
    return head + struct.pack('<H', len(value)) + value


def dicom(patient='P1', study=1, series=1, number=1, rows=16, columns=16, seed=0, extra=b'', deflated=False):
    """One slice of an MR series, as bytes."""
    uid = f'1.2.3.{study}.{series}.{number}.{seed}'
    meta = element(2, 2, 'UI', '1.2.840.10008.5.1.4.1.1.4') + element(2, 3, 'UI', uid) + \
        element(2, 16, 'UI', '1.2.840.10008.1.2.1.99' if deflated else '1.2.840.10008.1.2.1')
    pixels = random.Random(f'{patient}{uid}').randbytes(rows * columns * 2)
    us = lambda n: struct.pack('<H', n)
    data = b''.join([
        element(8, 8, 'CS', 'ORIGINAL\\PRIMARY\\M'), element(8, 0x16, 'UI', '1.2.840.10008.5.1.4.1.1.4'),
        element(8, 0x18, 'UI', uid), element(8, 0x20, 'DA', '20200102'), element(8, 0x60, 'CS', 'MR'),
        element(8, 0x70, 'LO', 'Maker'), element(8, 0x1030, 'LO', f'Study {study}'),
        element(8, 0x103e, 'LO', f'Series {series}'), element(0x10, 0x10, 'PN', 'Name^A'),
        element(0x10, 0x20, 'LO', patient), element(0x18, 0x50, 'DS', '2'),
        element(0x20, 0xd, 'UI', f'1.2.3.{study}'), element(0x20, 0xe, 'UI', f'1.2.3.{study}.{series}'),
        element(0x20, 0x11, 'IS', str(series)), element(0x20, 0x13, 'IS', str(number)),
        element(0x20, 0x32, 'DS', f'0\\0\\{number * 2}'), element(0x20, 0x37, 'DS', '1\\0\\0\\0\\1\\0'),
        extra,
        element(0x28, 2, 'US', us(1)), element(0x28, 4, 'CS', 'MONOCHROME2'),
        element(0x28, 0x10, 'US', us(rows)), element(0x28, 0x11, 'US', us(columns)),
        element(0x28, 0x30, 'DS', '1\\1'), element(0x28, 0x100, 'US', us(16)),
        element(0x28, 0x101, 'US', us(16)), element(0x28, 0x102, 'US', us(15)),
        element(0x28, 0x103, 'US', us(0)), element(0x7fe0, 0x10, 'OW', pixels)])
    if deflated:
        squeeze = zlib.compressobj(1, wbits=-15)
        data = squeeze.compress(data) + squeeze.flush()
    return b'\0' * 128 + b'DICM' + element(2, 0, 'UL', struct.pack('<I', len(meta))) + meta + data


def write(path, data):
    """Written long ago, so that nobody takes it for a file that is still being written."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)
    os.utime(path, (time.time() - 100, time.time() - 100))


def archive(folder, slices=6, series=2, **more):
    for s in range(1, series + 1):
        for n in range(1, slices + 1):
            write(f'{folder}/s{s}/{n}.dcm', dicom(series=s, number=n, **more))
    return folder


# ---- a mount -----------------------------------------------------------------------------

def is_mounted(path):
    with open('/proc/mounts') as f:
        return any(line.split()[1] == path for line in f)


def unmount(path):
    for _ in range(50):
        if not is_mounted(path):
            return True
        if subprocess.run(['fusermount3', '-u', path], capture_output=True).returncode == 0:
            return True
        time.sleep(0.1)
    subprocess.run(['fusermount3', '-uz', path], capture_output=True)
    return False


class Mount:
    """`with Mount(source, mnt, '-o', …) as m`: in the foreground; m.path is the mount point. within: words
    before the command."""

    def __init__(self, source, path, *options, noise=False, within=()):
        self.path, self.noise = path, noise
        os.makedirs(path, exist_ok=True)
        ready, theirs = os.pipe()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*within, DCMFS, '-f', '-o', f'ready_fd={theirs}', *options, source, path], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, pass_fds=[theirs])
        os.close(theirs)
        readable = select.select([ready], [], [], LIMIT)[0]
        word = os.read(ready, 1) if readable else b'timeout'
        os.close(ready)
        if word != b's':
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'no mount ({word}): {self.said()}')

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')

    def stop(self, how=None):
        """Unmount, or send the signal `how`; the exit status."""
        if how:
            self.process.send_signal(how)
        else:
            unmount(self.path)
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            unmount(self.path)
        if kind is None:
            assert self.process.returncode == 0, f'exit {self.process.returncode}: {self.said()}'
            assert self.noise or self.said() == '', f'it said: {self.said()}'


def daemons_of(path):
    """Processes that have this mount point on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().split(b'\0')
        except OSError:
            continue
        if path.encode() in words and words[0].endswith(b'dcmfs'):
            found.append(int(pid))
    return found


def wait_until(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def end_background(path):
    """Unmount what was mounted without -f; its daemon ends by itself."""
    assert unmount(path)
    gone = wait_until(lambda: not daemons_of(path))
    for pid in daemons_of(path):
        os.kill(pid, signal.SIGKILL)
    assert gone, 'the daemon outlived its mount'


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, **more)


def files_below(path):
    """All files but those of by/, which has every other one again for each of some forty keywords."""
    found = []
    for folder, folders, names in os.walk(path):
        found += [os.path.join(folder, n) for n in names]
        folders[:] = [f for f in folders if (folder, f) != (path, 'by')]
    return sorted(found)


def content(path):
    with open(path, 'rb') as f:
        return f.read()


def is_sanitized():
    return b'__tsan_init' in content(DCMFS) or b'__asan_init' in content(DCMFS)


def is_live(path):
    return '/.dcmfs/' in path


# ---- tests -------------------------------------------------------------------------------

def test_the_readme_tells_where_things_are(box):
    source = archive(f'{box}/src', rows=4, columns=4)
    for options, says in [([], 'below PATIENT/STUDY'), (['-o', 'layout=%b'], 'laid out as %b')]:
        r = run(DCMFS, *options, '-o', 'index=none', '--cat', source, 'README.txt')
        assert r.returncode == 0 and says in r.stdout, r


def test_an_index_in_the_source_is_no_file_of_it(box):
    for source, name, options in (f'{box}/a', 's1/x.db', ['-o', f'index={box}/a/s1/x.db']), (f'{box}/b', 'dcmfs', []):
        archive(source)
        for _ in range(2):      # at the first it is not there yet
            r = run(DCMFS, *options, '--cat', source, '.dcmfs/problems.tsv',
                    env={**os.environ, 'XDG_CACHE_HOME': source})
            assert r.returncode == 0 and r.stdout.count('\n') == 1, r
            assert os.path.exists(f'{source}/{name}')


def test_find_and_ls_show_the_same_tree(box):
    source = archive(f'{box}/src')
    with Mount(source, f'{box}/mnt') as m:
        ours = run(DCMFS, '--ls', source).stdout.splitlines()
        theirs = [p[len(m.path) + 1:] for p in run('find', m.path, '-mindepth', '1').stdout.splitlines()]
        assert sorted(ours) == sorted(theirs)
        assert 'dicom/P1/20200102_Study_1/1_Series_1/00001.dcm' in ours, ours
        for path in files_below(m.path):
            if is_live(path) or path.startswith(f'{m.path}/by/'):
                continue
            cat = subprocess.run([DCMFS, '--cat', source, path[len(m.path) + 1:]], capture_output=True)
            assert cat.returncode == 0 and cat.stdout == content(path), path


def test_sizes_are_exact_before_the_first_read(box):
    with Mount(archive(f'{box}/src'), f'{box}/mnt') as m:
        assert run('ls', '-lR', m.path).returncode == 0
        for path in files_below(m.path):
            size = os.stat(path).st_size
            assert size == len(content(path)) == os.stat(path).st_size, path


def test_by_narrows_down_and_a_walk_of_it_ends(box):
    with Mount(archive(f'{box}/src'), f'{box}/mnt') as m:
        value = f'{m.path}/by/Modality/MR'
        assert 'nii' in os.listdir(value) and 'by' not in os.listdir(value)
        assert '1' in os.listdir(f'{value}/by/SeriesNumber')
        assert files_below(f'{value}/by/SeriesNumber/1/dicom')
        assert not os.path.exists(f'{value}/nii/by') and not os.path.exists(f'{m.path}/by/NoSuchKeyword')


def test_dicom_files_are_the_source_bytes(box):
    source = archive(f'{box}/src')
    digests = lambda paths: sorted(hashlib.sha256(content(p)).hexdigest() for p in paths)
    with Mount(source, f'{box}/mnt') as m:
        assert digests(files_below(f'{m.path}/dicom')) == digests(files_below(source))


def test_cp_tar_and_rsync_copy_it_all(box):
    with Mount(archive(f'{box}/src'), f'{box}/mnt', '-o', 'views=dicom:headers:nii') as m:
        assert run('cp', '-a', m.path, f'{box}/cp').returncode == 0
        assert run('tar', '-C', m.path, '-cf', f'{box}/t.tar', '.').returncode == 0
        os.mkdir(f'{box}/tar')
        assert run('tar', '-C', f'{box}/tar', '-xf', f'{box}/t.tar').returncode == 0
        for copy in ['cp', 'tar']:
            diff = run('diff', '-r', m.path, f'{box}/{copy}')
            assert diff.returncode == 0, diff.stdout
        if shutil.which('rsync'):
            for _ in range(2):      # the second time it finds nothing to do
                r = run('rsync', '-ai', f'{m.path}/', f'{box}/rsync')
                assert r.returncode == 0, r.stderr
            assert r.stdout == '', r.stdout
        a, b = (os.stat(f'{p}/README.txt') for p in (m.path, f'{box}/cp'))
        assert a.st_mtime_ns == b.st_mtime_ns
        for copy in ['cp', 'tar', 'rsync']:
            subprocess.run(['chmod', '-Rf', 'u+w', f'{box}/{copy}'])


def test_mmap_and_sendfile(box):
    with Mount(archive(f'{box}/src', rows=256, columns=256), f'{box}/mnt') as m:
        for path in [p for p in files_below(m.path) if not is_live(p) and os.stat(p).st_size]:
            with open(path, 'rb') as f, mmap.mmap(f.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as view:
                assert view[:] == content(path), path
        out = os.open(f'{box}/out', os.O_RDWR | os.O_CREAT)
        with open(path, 'rb') as f:
            while os.sendfile(out, f.fileno(), None, 1 << 20):
                pass
        os.close(out)
        assert content(f'{box}/out') == content(path)


def test_many_readers_get_the_same_bytes(box):
    with Mount(archive(f'{box}/src', slices=20, rows=128, columns=128), f'{box}/mnt') as m:
        paths = [p for p in files_below(m.path) if not is_live(p) and os.stat(p).st_size]
        whole = {p: content(p) for p in paths}
        subprocess.run(['sh', '-c', 'echo 3 > /proc/sys/vm/drop_caches'], capture_output=True)
        wrong = []

        def reader(seed):
            rng = random.Random(seed)
            for _ in range(200):
                path = rng.choice(paths)
                size = len(whole[path])
                off = rng.randrange(size)
                fd = os.open(path, os.O_RDONLY)
                n = rng.randrange(1, 70000)
                got = os.pread(fd, n, off)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(fd)
                if got != whole[path][off:off + n]:
                    wrong.append((path, off, n))

        threads = [threading.Thread(target=reader, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not wrong, wrong[:3]


def test_every_write_call_is_erofs(box):
    with Mount(archive(f'{box}/src', series=1), f'{box}/mnt') as m:
        folder = f'{m.path}/dicom'
        path = files_below(folder)[0]
        calls = {
            'open for writing': lambda: os.open(path, os.O_WRONLY),
            'open for both': lambda: os.open(path, os.O_RDWR),
            'open and truncate': lambda: os.open(path, os.O_RDONLY | os.O_TRUNC),
            'create': lambda: os.open(f'{folder}/new', os.O_CREAT | os.O_WRONLY, 0o644),
            'truncate': lambda: os.truncate(path, 1),
            'mkdir': lambda: os.mkdir(f'{folder}/new'),
            'mknod': lambda: os.mknod(f'{folder}/new'),
            'mkfifo': lambda: os.mkfifo(f'{folder}/new'),
            'unlink': lambda: os.unlink(path),
            'rmdir': lambda: os.rmdir(os.path.dirname(path)),
            'rename': lambda: os.rename(path, path + '2'),
            'link': lambda: os.link(path, path + '2'),
            'symlink': lambda: os.symlink('x', f'{folder}/new'),
            'chmod': lambda: os.chmod(path, 0o600),
            'chown': lambda: os.chown(path, 1, 1),
            'utime': lambda: os.utime(path),
            'setxattr': lambda: os.setxattr(path, 'user.x', b'y'),
            'removexattr': lambda: os.removexattr(path, 'user.x'),
        }
        for name, call in calls.items():
            try:
                call()
                raise AssertionError(f'{name} was allowed')
            except OSError as e:
                assert e.errno == errno.EROFS, f'{name}: {e}'


def test_a_signal_unmounts_and_ends_it(box):
    source = archive(f'{box}/src', series=1)
    for how in [signal.SIGTERM, signal.SIGINT]:
        with Mount(source, f'{box}/mnt') as m:
            run('ls', '-lR', m.path)
            assert m.stop(how) == 0
            assert not is_mounted(m.path)
    with Mount(source, f'{box}/mnt') as m:     # while a file is open
        fd = os.open(files_below(f'{m.path}/dicom')[0], os.O_RDONLY)
        os.read(fd, 10)
        assert m.stop(signal.SIGTERM) == 0
        assert not is_mounted(m.path)
        try:
            os.close(fd)
        except OSError as e:
            assert e.errno == errno.ENOTCONN


def test_a_signal_that_was_ignored_stays_so(box):
    """A shell does that to SIGINT of what it puts in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # what is started has it too
    try:
        with Mount(archive(f'{box}/src', series=1), f'{box}/mnt') as m:
            with open(f'/proc/{m.process.pid}/status') as f:
                ignored = next(int(l.split()[1], 16) for l in f if l.startswith('SigIgn:'))
            assert ignored >> signal.SIGINT - 1 & 1 and not ignored >> signal.SIGTERM - 1 & 1, hex(ignored)
            assert m.stop(signal.SIGTERM) == 0 and not is_mounted(m.path)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_signal_at_once_ends_it_too(box):
    """Between the mount and its service, while the daemon looks at its own mount, or a little later."""
    source = archive(f'{box}/src', series=1)
    for n in range(24):
        with Mount(source, f'{box}/mnt', '-o', 'index=none') as m:
            time.sleep(n % 4 / 2000)
            assert m.stop((signal.SIGTERM, signal.SIGINT)[n % 2]) == 0
            assert not is_mounted(m.path)


def test_a_signal_ends_it_while_names_change_under_lookups(box):
    """The refresher tells the kernel of a folder that somebody's lookup holds, as the service ends."""
    source = archive(f'{box}/src', slices=2, series=1)
    for n in range(5):
        with Mount(source, f'{box}/mnt', '-o', 'index=none,views=dicom:headers') as m:
            stop = threading.Event()

            def look():
                while not stop.is_set():
                    try:
                        for name in os.listdir(f'{m.path}/dicom'):
                            os.path.exists(f'{m.path}/dicom/{name}/{random.random()}')
                    except OSError:
                        pass
            threads = [threading.Thread(target=look) for _ in range(3)]
            for t in threads:
                t.start()
            try:
                for k in range(3):
                    write(f'{source}/s{n}/{k}.dcm', dicom(patient=f'P{n}{k}', series=n + 5, number=k))
                    m.process.send_signal(signal.SIGHUP)
                    time.sleep(0.01 * n)
                assert m.stop(signal.SIGTERM) == 0
            finally:
                stop.set()
                for t in threads:
                    t.join()


def test_a_daemon_that_is_killed(box):
    """Readers get errors and nothing wrong; the mount point says what is to be done; then it mounts again."""
    source, index = archive(f'{box}/src', rows=128, columns=128), f'index={box}/index.sqlite'
    with Mount(source, f'{box}/mnt', '-o', index) as m:
        path = [p for p in files_below(f'{m.path}/nii') if p.endswith('.nii')][0]
        whole, ends = content(path), []

        def reader():
            while True:
                try:
                    with open(path, 'rb', buffering=0) as f:
                        off = random.randrange(len(whole))
                        got = os.pread(f.fileno(), 9000, off)
                        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    # a read whose later pages failed is short, and the next one says why
                    if not got or not whole[off:off + 9000].startswith(got):
                        return ends.append('wrong bytes')
                except OSError as e:
                    return ends.append(e.errno)
        threads = [threading.Thread(target=reader) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        m.process.kill()
        m.process.wait()
        for t in threads:
            t.join(20)
        assert len(ends) == 4 and set(ends) <= {errno.ENOTCONN, errno.ECONNABORTED}, ends
        os.mkdir(f'{box}/other')
        for words in [[source, m.path], [m.path, f'{box}/other']]:
            r = run(DCMFS, *words)
            assert r.returncode == 1 and ('a mount that has died is here; fusermount3 -u' in r.stderr or
                'cannot read the source: Transport endpoint is not connected' in r.stderr), r
        assert unmount(m.path)
        with Mount(source, m.path, '-o', index):
            assert content(path) == whole
        m.process.returncode = 0


def test_unmounting_while_it_is_used(box):
    with Mount(archive(f'{box}/src', rows=64, columns=64), f'{box}/mnt') as m:
        path = [p for p in files_below(f'{m.path}/nii') if p.endswith('.nii')][0]
        whole = content(path)
        with open(path, 'rb') as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as view:
            r = run('fusermount3', '-u', m.path)
            assert r.returncode != 0 and is_mounted(m.path), r
            assert run('fusermount3', '-uz', m.path).returncode == 0 and not is_mounted(m.path)
            assert view[:] == whole and f.read() == whole
            assert m.process.poll() is None
        assert m.process.wait(20) == 0


def test_the_background_returns_when_it_can_be_read(box):
    source, mnt = archive(f'{box}/src', series=1), f'{box}/mnt'
    os.mkdir(mnt)
    r = run(DCMFS, source, mnt, stdin=subprocess.DEVNULL)
    assert r.returncode == 0 and r.stdout == '' and r.stderr == '', r
    try:
        assert is_mounted(mnt)
        assert 'dicom' in os.listdir(mnt)
        assert len(daemons_of(mnt)) == 1
        assert os.readlink(f'/proc/{daemons_of(mnt)[0]}/cwd') == '/'
        with open('/proc/mounts') as f:
            line = [l.split() for l in f if l.split()[1] == mnt][0]
        assert line[0] == source and line[2] == 'fuse.dcmfs', line
        assert {'ro', 'nosuid', 'nodev'} <= set(line[3].split(',')), line
    finally:
        end_background(mnt)


def test_a_second_mount_on_the_same_place_is_refused(box):
    with Mount(archive(f'{box}/src', series=1), f'{box}/mnt') as m:
        r = run(DCMFS, f'{box}/src', m.path)
        assert r.returncode == 1 and 'the mount point is not empty: something is mounted there' in r.stderr, r
        assert run('fusermount3', '-u', m.path).returncode == 0 and not is_mounted(m.path)


def test_one_source_can_be_mounted_twice(box):
    source = archive(f'{box}/src', series=1)
    with Mount(source, f'{box}/a') as a, Mount(source, f'{box}/b') as b:
        assert run('diff', '-r', f'{a.path}/dicom', f'{b.path}/dicom').returncode == 0


def test_each_mistake_has_its_message(box):
    source, mnt = archive(f'{box}/src', series=1), f'{box}/mnt'
    os.mkdir(mnt)
    os.mkdir(f'{box}/full')
    write(f'{box}/full/file', b'x')
    os.mkdir(f'{source}/inside')
    cases = [
        ([source, f'{box}/none'], 1, 'none: the mount point is missing'),
        ([source, f'{box}/full/file'], 1, 'file: the mount point is not a folder'),
        ([source, f'{box}/full'], 1, 'full: the mount point is not empty'),
        ([source, f'{source}/inside'], 1, 'inside: the mount point is inside the source'),
        ([f'{box}/none', mnt], 1, 'none: the source is missing'),
        (['/dev/null', mnt], 1, '/dev/null: the source is neither a folder nor a file'),
        ([source, mnt, '-o', 'colour'], 2, 'colour: no such option'),
        ([source, mnt, '-o', 'delay_scan=1'], 2, 'delay_scan: takes no value'),
        ([source, mnt, '-o', 'views=nii:gif'], 2, "there is no view 'gif'"),
        ([source, mnt, '-o', 'layout={Nope}'], 2, 'layout=: Nope: no such keyword'),
        ([source, mnt, '-o', 'by=Modality:Nope'], 2, 'by=: Nope: no such keyword'),
        ([source, mnt, '-o', 'deidentify=most'], 2, "deidentify=: there is no 'most'"),
        ([source, mnt, '-o', f'key={source}/s1/1.dcm'], 2, 'key=: goes with edit= or deidentify'),
        ([source, mnt, '-o', f'edit={box}/none'], 1, f'{box}/none: No such file'),
        ([f'{box}/full/file/x', mnt], 1, 'x: cannot read the source: Not a directory'),
        ([source], 2, 'MOUNTPOINT: missing'),
    ]
    for words, status, says in cases + [([*words, '-o', 'delay_scan'], *rest) for words, *rest in cases]:
        r = run(DCMFS, *words)
        assert r.returncode == status, (words, r)
        assert r.stderr.startswith('dcmfs: ') and says in r.stderr and r.stderr.count('\n') == 1, r.stderr
        assert r.stdout == '' and not is_mounted(mnt)


def test_a_source_without_dicom_warns_and_mounts(box):
    write(f'{box}/src/notes.txt', b'no image')
    with Mount(f'{box}/src', f'{box}/mnt', noise=True) as m:
        assert m.said() == f'dcmfs: {box}/src: not one DICOM file in the source\n', m.said()
        assert os.listdir(f'{m.path}/dicom') == []


def test_a_single_file_is_a_source(box):
    archive(f'{box}/src')
    with Mount(f'{box}/src/s1/3.dcm', f'{box}/mnt') as m:
        shown = files_below(f'{m.path}/dicom')
        assert len(shown) == 1 and content(shown[0]) == content(f'{box}/src/s1/3.dcm')


def test_options_for_owner_mode_and_views(box):
    with Mount(archive(f'{box}/src'), f'{box}/mnt', '-s', '-o', 'uid=7,gid=8,umask=027,views=dicom:headers') as m:
        assert sorted(os.listdir(m.path)) == ['README.txt', 'dicom', 'headers']
        top, file = os.stat(m.path), os.stat(f'{m.path}/README.txt')
        assert (file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) == (7, 8, 0o440)
        assert stat.S_IMODE(top.st_mode) == 0o550 and top.st_uid == 7


def test_inode_numbers_are_stable_and_unique(box):
    with Mount(archive(f'{box}/src', slices=30), f'{box}/mnt') as m:
        numbers = lambda: {p: os.stat(p).st_ino for p in files_below(m.path)}
        first = numbers()
        subprocess.run(['sh', '-c', 'echo 2 > /proc/sys/vm/drop_caches'], capture_output=True)
        assert numbers() == first
        assert len(set(first.values())) == len(first)
        folder = os.path.dirname(files_below(f'{m.path}/dicom')[0])
        for entry in os.scandir(folder):
            assert entry.inode() == first[entry.path]


def test_attributes_of_other_kinds(box):
    with Mount(archive(f'{box}/src', series=1), f'{box}/mnt') as m:
        path = files_below(f'{m.path}/dicom')[0]
        for call in [lambda: os.getxattr(path, 'user.dicom.Modality'), lambda: os.listxattr(path)]:
            try:
                assert call() == []
            except OSError as e:
                assert e.errno == errno.ENOTSUP
        assert os.statvfs(m.path).f_namemax == 255
        assert not os.access(path, os.W_OK) and os.access(path, os.R_OK)
        try:
            os.stat(f'{m.path}/dicom/nobody')
            raise AssertionError('a name that is not there')
        except FileNotFoundError:
            pass
        big = '/'.join([m.path] + ['x' * 255])
        assert not os.path.exists(big)


def test_live_files_are_whole_and_new(box):
    with Mount(archive(f'{box}/src', slices=40), f'{box}/mnt') as m:
        table = f'{m.path}/.dcmfs/instances.tsv'
        text = content(table).decode()
        assert text.count('\n') == 81 and text.endswith('\n')
        assert run('cat', table).stdout == text
        assert run('tail', '-n', '2', table).stdout == ''.join(text.splitlines(True)[-2:])
        assert run('wc', '-l', table).stdout.split()[0] == '81'
        with open(table, 'rb', buffering=0) as f:
            pieces = []
            while piece := f.read(37):
                pieces.append(piece)
        assert b''.join(pieces).decode() == text
        assert os.stat(table).st_size == len(text)
        json.loads(content(f'{m.path}/.dcmfs/status.json'))
        assert run('dd', f'if={table}', 'bs=100').stdout == text


def refresh(m, what):
    """SIGHUP, whether the source is watched or not; then it is so."""
    m.process.send_signal(signal.SIGHUP)
    assert wait_until(what), 'the mount did not follow'


def test_a_look_at_the_source_that_failed_is_tried_again(box):
    """Nothing else happens there: nobody would tell of the new file once more."""
    source = archive(f'{box}/src', slices=3, series=1)
    with Mount(source, f'{box}/mnt', noise=True) as m:
        assert len(files_below(f'{m.path}/dicom')) == 3
        limit = resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
        write(f'{source}/s1/4.dcm', dicom(series=1, number=4))
        time.sleep(2.5)
        resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE, limit)
        assert wait_until(lambda: len(files_below(f'{m.path}/dicom')) == 4, 20)


def frames(number, **more):
    """Two frames in one file: what it shows as is in its header alone."""
    whole = dicom(number=number, rows=32, **more)
    rows = lambda n: element(0x28, 0x10, 'US', struct.pack('<H', n))
    return whole.replace(rows(32), element(0x28, 8, 'IS', '2') + rows(16))


def test_a_file_that_is_away_while_its_study_is_planned_comes_back_by_itself(box):
    """Renamed and renamed back before anybody looks: nothing has changed, and nobody tells of it again."""
    source = archive(f'{box}/src', slices=3, series=1)
    write(f'{source}/s7/1.dcm', frames(1, series=7))
    with Mount(source, f'{box}/mnt') as m:
        time.sleep(1)
        os.rename(f'{source}/s7/1.dcm', f'{box}/away')
        folder = f'{m.path}/nii/P1/20200102_Study_1'
        meanwhile = os.listdir(folder)
        late = os.path.exists(f'{folder}/7_Series_7.nii')
        os.rename(f'{box}/away', f'{source}/s7/1.dcm')
        assert '1_Series_1.nii' in meanwhile and not late, meanwhile
        assert wait_until(lambda: os.path.exists(f'{folder}/7_Series_7.nii'), 10), os.listdir(folder)
        assert set(os.listdir(folder)) == set(meanwhile) | {'7_Series_7.nii', '7_Series_7.json'}
        assert os.stat(f'{folder}/7_Series_7.nii').st_size == 352 + 16 * 16 * 2 * 2


def test_a_file_from_the_future_shows_in_edited_too(box):
    source = archive(f'{box}/src', slices=3, series=1)
    with Mount(source, f'{box}/mnt', '-o', 'deidentify') as m:
        shown = lambda where: len(files_below(f'{m.path}/{where}dicom'))
        assert shown('') == shown('edited/') == 3
        time.sleep(1)
        late = f'{source}/s1/4.dcm'
        write(f'{box}/4.dcm', dicom(number=4))
        os.utime(f'{box}/4.dcm', (time.time() + 86400, time.time() + 86400))
        os.rename(f'{box}/4.dcm', late)
        assert wait_until(lambda: shown('') == 4, 10)
        assert wait_until(lambda: shown('edited/') == 4, 10), shown('edited/')


def test_a_new_file_shows_and_an_open_one_stays(box):
    source = archive(f'{box}/src', slices=6, series=1, rows=64, columns=64)
    with Mount(source, f'{box}/mnt') as m:
        folder = f'{m.path}/nii/P1/20200102_Study_1'
        volume = [p for p in files_below(folder) if p.endswith('.nii')][0]
        before = content(volume)
        os.stat(volume)
        with open(volume, 'rb', buffering=0) as held:
            start = held.read(1000)
            write(f'{source}/s1/7.dcm', dicom(series=1, number=7, rows=64, columns=64))
            refresh(m, lambda: len(files_below(f'{m.path}/dicom')) == 7)
            assert wait_until(lambda: os.stat(volume).st_size == len(before) + 64 * 64 * 2)
            os.posix_fadvise(held.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            rest = b''
            while piece := held.read(5000):
                rest += piece
            assert start + rest == before, 'the open file has mixed bytes'
            assert os.fstat(held.fileno()).st_size == len(before)
        after = content(volume)
        assert len(after) == len(before) + 64 * 64 * 2
        write(f'{source}/s2/1.dcm', dicom(series=2, number=1))
        refresh(m, lambda: any('2_Series_2' in p for p in files_below(f'{m.path}/headers')))
        shutil.rmtree(f'{source}/s2')
        refresh(m, lambda: not any('2_Series_2' in p for p in files_below(m.path)))
        assert content(volume) == after


def test_folders_above_a_change_have_its_time(box):
    source = archive(f'{box}/src', slices=3)
    with Mount(source, f'{box}/mnt', '-o', 'views=nii') as m:
        study = f'{m.path}/nii/P1/20200102_Study_1'
        above = [m.path, f'{m.path}/nii', f'{m.path}/nii/P1', study]
        newest = lambda: max(os.stat(f).st_mtime_ns for f in files_below(source))
        assert {os.stat(p).st_mtime_ns for p in above} == {newest()}
        os.utime(f'{source}/s1/1.dcm', (time.time() - 50, time.time() - 50))
        shutil.rmtree(f'{source}/s2')
        refresh(m, lambda: len(os.listdir(study)) == 2)
        assert wait_until(lambda: {os.stat(p).st_mtime_ns for p in above} == {newest()}, 5), 'an old time'


def test_polling_finds_changes_by_itself(box):
    source = archive(f'{box}/src', slices=3, series=1)
    with Mount(source, f'{box}/mnt', '-o', 'refresh=1') as m:
        assert len(files_below(f'{m.path}/dicom')) == 3
        write(f'{source}/s1/4.dcm', dicom(number=4))
        assert wait_until(lambda: len(files_below(f'{m.path}/dicom')) == 4, 10)
        assert json.loads(content(f'{m.path}/.dcmfs/status.json'))['instances'] == 4


def test_changes_show_by_themselves(box):
    source = archive(f'{box}/src', slices=3, series=1)
    with Mount(source, f'{box}/mnt') as m:
        numbers = lambda: sorted(os.path.basename(p) for p in files_below(f'{m.path}/dicom'))
        assert len(numbers()) == 3
        for step, expected in [
                (lambda: write(f'{source}/s1/4.dcm', dicom(number=4)), 4),
                (lambda: write(f'{source}/deep/er/5.dcm', dicom(number=5)), 5),
                (lambda: write(f'{source}/deep/er/6.dcm', dicom(number=6)), 6),
                (lambda: os.rename(f'{source}/deep', f'{source}/moved'), 6),
                (lambda: write(f'{source}/moved/er/7.dcm', dicom(number=7)), 7),
                (lambda: os.rename(f'{source}/moved/er', f'{box}/away'), 4),
                (lambda: os.rename(f'{box}/away', f'{source}/s1/back'), 7),
                (lambda: os.unlink(f'{source}/s1/back/5.dcm'), 6),
                (lambda: shutil.rmtree(f'{source}/s1/back'), 4)]:
            step()
            assert wait_until(lambda: len(numbers()) == expected, 5), (numbers(), expected)
        with open(f'{source}/s1/8.dcm', 'wb') as f:      # only now: it may still be written to
            f.write(dicom(number=8))
        assert wait_until(lambda: len(numbers()) == 5, 5), numbers()


def test_another_folder_in_the_place_of_the_source_is_watched_too(box):
    source = archive(f'{box}/src', slices=3, series=1)
    archive(f'{box}/new', slices=2, series=1)
    with Mount(source, f'{box}/mnt', noise=True) as m:
        numbers = lambda: len(files_below(f'{m.path}/dicom'))
        assert numbers() == 3
        os.rename(source, f'{box}/old')
        os.rename(f'{box}/new', source)
        refresh(m, lambda: numbers() == 2)
        write(f'{source}/s1/9.dcm', dicom(number=9))
        assert wait_until(lambda: numbers() == 3, 5), numbers()


def test_folders_that_cannot_be_watched_are_looked_at_every_so_often(box):
    # A limit of their own: the machine's is not touched. What is mounted is seen through /proc then.
    limit = ['unshare', '-Urm', 'sh', '-c', 'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh']
    if run(*limit, 'true').returncode:
        print('SKIP a limit of watched folders: no user namespaces here')
        return
    for first, files in [(1, 2), (3, 1)]:      # folders at the start: all can be watched, or not
        source = archive(f'{box}/src{first}', slices=1, series=first)
        with Mount(source, f'{box}/mnt{first}', noise=True, within=limit) as m:
            shown = lambda: len(files_below(f'/proc/{m.process.pid}/root{m.path}/dicom'))
            for n in range(first + 1, first + files + 1):
                write(f'{source}/new/{n}.dcm', dicom(series=9, number=n))
                assert wait_until(lambda: shown() == n, 40), (n, shown(), m.said())
            assert m.said().count('max_user_watches') == 1, m.said()
            m.stop(signal.SIGTERM)


def test_an_idle_mount_sleeps(box):
    with Mount(archive(f'{box}/src'), f'{box}/mnt') as m:
        def ticks():
            with open(f'/proc/{m.process.pid}/stat') as f:
                return sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13]))
        time.sleep(3)
        before = ticks()
        time.sleep(4)
        most = 8 if is_sanitized() else 1   # a sanitizer has a thread of its own that looks around
        assert ticks() - before <= most, ticks() - before


def test_a_source_that_changed_is_never_mixed(box):
    source = archive(f'{box}/src', slices=2, series=1)
    with Mount(source, f'{box}/mnt', noise=True) as m:
        shown = files_below(f'{m.path}/dicom')[0]
        size = os.stat(shown).st_size
        with open(f'{source}/s1/1.dcm', 'wb') as f:
            f.write(b'other')
        try:
            got = content(shown)
            assert len(got) == size and got != b'other'
            raise AssertionError('the old bytes are gone: who served them?')
        except OSError as e:
            assert e.errno in (errno.ESTALE, errno.EIO), e


def replace(path, data):
    """As a program that writes another file first: nothing of the old one changes."""
    write(f'{path}.new', data)
    os.rename(f'{path}.new', path)


def test_who_reads_a_file_that_changed_unseen_has_it_looked_at(box):
    """Outside of the source, where nothing is watched. The bytes of before may be read until it was found out."""
    os.makedirs(f'{box}/src')
    write(f'{box}/away/1.dcm', dicom())
    os.symlink(f'{box}/away/1.dcm', f'{box}/src/link')
    with Mount(f'{box}/src', f'{box}/mnt', '-o', 'views=dicom:nii') as m:
        shown = files_below(f'{m.path}/dicom')[0]
        other = dicom(rows=32)
        replace(f'{box}/away/1.dcm', other)

        def is_other():
            try:
                return content(shown) == other
            except OSError as e:
                assert e.errno == errno.ESTALE, e
        assert wait_until(is_other), m.said()
        assert os.stat(shown).st_size == len(other)


def test_a_single_file_that_is_replaced_shows_by_itself(box):
    archive(f'{box}/src')
    with Mount(f'{box}/src/s1/3.dcm', f'{box}/mnt', '-o', 'views=dicom') as m:
        shown, other = files_below(f'{m.path}/dicom')[0], dicom(number=3, rows=32)
        assert len(content(shown)) < len(other)
        replace(f'{box}/src/s1/3.dcm', other)
        assert wait_until(lambda: os.stat(shown).st_size == len(other), 5)
        assert content(shown) == other


def test_a_big_folder_is_listed_once_each(box):
    archive(f'{box}/src', slices=3000, series=1, rows=2, columns=2)
    with Mount(f'{box}/src', f'{box}/mnt', '-o', 'views=dicom:headers') as m:
        for view in ['dicom', 'headers']:
            names = [p for p in files_below(f'{m.path}/{view}') if os.path.basename(p)[0].isdigit()]
            names = [p for p in names if not p.endswith('Series_1.txt')]
            assert len(names) == len(set(names)) == 3000, len(names)


def test_a_walk_ends_though_folders_nest(box):
    source = archive(f'{box}/src', slices=2, series=1)
    with Mount(source, f'{box}/mnt') as m:
        below = f'{m.path}/by/Modality/MR'
        assert 'by' not in os.listdir(below) and 'dicom' in os.listdir(below)
        assert len(files_below(f'{below}/by/Manufacturer/Maker/dicom')) == 2
        assert not os.path.exists(below + '/by/Modality/MR' * 30)


def test_mount_8_knows_it(box):
    if os.geteuid() != 0 or not os.path.exists('/sbin/mount.fuse3'):
        print('SKIP mount(8): not root, or without mount.fuse3')
        return
    source, mnt = archive(f'{box}/src', series=1), f'{box}/mnt'
    os.mkdir(mnt)
    # PROGRAM#SOURCE is what -t fuse.PROGRAM becomes for a program that is installed
    r = run('mount', '-t', 'fuse', '-o', 'noauto,user,_netdev,nofail,x-systemd.automount,delay_scan,uid=3',
            f'{DCMFS}#{source}', mnt)
    assert r.returncode == 0, r
    try:
        assert os.stat(f'{mnt}/README.txt').st_uid == 3
    finally:
        r = run('umount', mnt)
        assert r.returncode == 0, r
        assert wait_until(lambda: not daemons_of(mnt)), 'the daemon outlived its mount'


def decoded(m):
    return json.loads(content(f'{m.path}/.dcmfs/status.json'))['frames']['decoded']


def decodes_no_more(m):
    before = decoded(m)
    time.sleep(1.2)     # so long is a live file one and the same
    return decoded(m) == before


def test_nothing_is_decoded_for_a_reader_that_has_gone(box):
    slices = 60
    archive(f'{box}/src', slices=slices, series=1, rows=512, columns=512, deflated=True)
    with Mount(f'{box}/src', f'{box}/mnt') as m:
        volume = [f for f in files_below(f'{m.path}/nii') if f.endswith('.nii')][0]
        reader = subprocess.Popen(['cat', volume], stdout=subprocess.PIPE)
        reader.stdout.read(2 << 20)
        reader.kill()
        reader.wait()
        reader.stdout.close()
        assert wait_until(lambda: decodes_no_more(m)), 'it decodes on and on'
        assert 4 <= decoded(m) <= slices // 2, decoded(m)
        content(volume)
        assert decoded(m) == slices, decoded(m)


def test_memory_is_given_back(box):
    if is_sanitized():
        print('SKIP memory that is given back: a sanitizer keeps it')
        return
    archive(f'{box}/src', slices=3000, series=3, rows=2, columns=2)
    with Mount(f'{box}/src', f'{box}/mnt', '-o', 'views=dicom') as m:
        def resident():
            with open(f'/proc/{m.process.pid}/status') as f:
                return [int(l.split()[1]) for l in f if l.startswith('VmRSS')][0] * 1024
        before = resident()
        run('ls', '-lR', m.path)
        time.sleep(6)
        assert resident() - before < 6 << 20, resident() - before


# ---- a scan behind the mount ---------------------------------------------------------------

class Held:
    """A source that answers nobody until go_on(): itself a mount, whose daemon is stopped. What is asked of its top
    alone is in the kernel's caches, and kept there by being open."""

    def __init__(self, source, path):
        self.mount = Mount(source, path, '-o', 'index=none', noise=True)
        self.source = f'{path}/dicom'
        os.listdir(self.source)
        self.top = os.open(self.source, os.O_RDONLY)
        self.hold()

    def hold(self, *folders):
        """From here on; of files in the folders nothing is in the kernel's caches."""
        for path in (f for folder in folders for f in files_below(folder)):
            with open(path, 'rb') as f:
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self.mount.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.mount.process.send_signal(signal.SIGCONT)

    def die(self):
        self.mount.process.kill()
        self.mount.process.wait()
        self.mount.process.returncode = 0
        assert run('fusermount3', '-uz', self.mount.path).returncode == 0

    def __enter__(self):
        return self

    def __exit__(self, *how):
        os.close(self.top)
        if self.mount.process.poll() is None:
            self.go_on()
        self.mount.__exit__(*how)


@contextlib.contextmanager
def delayed(box, source, *options, **more):
    """A mount whose scan does not go on before held.go_on()."""
    with Held(source, f'{box}/held') as held, \
            Mount(held.source, f'{box}/mnt', '-o', 'delay_scan,index=none', *options, **more) as m:
        try:
            yield held, m
        finally:
            held.go_on()


IN_THE_KERNEL = 'request_wait_answer', 'd_alloc_parallel', 'folio_wait_bit_common', 'fuse_direct_IO'


def all_wait(processes):
    """Until each is in the kernel, for the answer to a request, and does not go on from there; or for some seconds,
    where the kernel does not tell."""
    def where(p):
        with open(f'/proc/{p.pid}/wchan') as f, open(f'/proc/{p.pid}/syscall') as g:
            return f.read() in IN_THE_KERNEL and g.read()

    def still():
        try:
            first = [where(p) for p in processes]
            time.sleep(0.1)
            return all(first) and first == [where(p) for p in processes]
        except OSError:
            return False
    wait_until(still, 5)


def start(*words):
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_delayed_scan_keeps_readers_waiting_and_nobody_else(box):
    """In twelve folders, more than there are threads to serve, of which there may be one."""
    source = archive(f'{box}/src')
    for options in [], ['-s']:
        with delayed(box, source, *options) as (held, m):
            shown = 'dicom/P1/20200102_Study_1/1_Series_1/00001.dcm'
            words = [('cat', f'{m.path}/{shown}'), ('ls', f'{m.path}/headers'), ('stat', f'{m.path}/nii/P1'),
                     ('cat', f'{m.path}/.dcmfs/status.json'), ('find', f'{m.path}/json', '-name', '*.json')]
            words += [('ls', f'{m.path}/{p}') for p in ('nii.gz', 'analyze', 'minc', 'mha', 'nrrd', 'png', 'native')]
            readers = [start(*w) for w in words * 3]
            all_wait(readers)
            for _ in range(2):
                assert {'nii', 'dicom', '.dcmfs', 'README.txt'} <= set(os.listdir(m.path))
                assert os.stat(f'{m.path}/by').st_mode == os.stat(f'{m.path}/nii').st_mode
                assert b'headers' in content(f'{m.path}/README.txt')
                assert os.statvfs(m.path).f_namemax == 255
                assert not os.path.exists(f'{m.path}/nobody')
            assert all(r.poll() is None for r in readers), 'who answered?'
            held.go_on()
            outs = [r.communicate(timeout=LIMIT) for r in readers]
            assert all(r.returncode == 0 for r in readers), outs
            for i, (out, err) in enumerate(outs):
                assert err == b'' and out == outs[i % len(words)][0]
            assert outs[0][0] == content(f'{source}/s1/1.dcm')
            assert json.loads(outs[3][0])['instances'] == 12 and outs[4][0].count(b'\n') == 12
            newest = max(os.stat(f).st_mtime for f in files_below(source))
            for p in '', 'nii', 'README.txt':
                assert int(os.stat(f'{m.path}/{p}').st_mtime) == int(newest), p


# The C library's own read: Python's would begin again after a signal.
LAST_BYTES = """
import ctypes, mmap, os, signal, sys
signal.signal(signal.SIGUSR1, lambda *what: None)
libc = ctypes.CDLL(None, use_errno=True)
libc.pread.argtypes = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_longlong
room = mmap.mmap(-1, 4096)      # on a page, for O_DIRECT
f = os.open(sys.argv[1], os.O_RDONLY | int(sys.argv[2]))
at = os.fstat(f).st_size // 4096 * 4096
print(libc.pread(f, ctypes.addressof(ctypes.c_char.from_buffer(room)), 4096, at), ctypes.get_errno())
"""


def test_work_stops_when_nobody_waits_for_it(box):
    """The checksum at the end of a .nii.gz is made of all slices; who asks for it is killed at the first of them. The
    kernel reads on behalf of the one, and lets it go at once; with the other it waits for the reply."""
    slices = 40
    archive(f'{box}/src', slices=slices, series=3, rows=512, columns=512, deflated=True)
    with Held(f'{box}/src', f'{box}/held') as held:
        held.go_on()
        with Mount(held.source, f'{box}/mnt', '-o', 'index=none') as m:
            volumes = sorted(f for f in files_below(f'{m.path}/nii.gz') if f.endswith('.nii.gz'))
            assert len(volumes) == 3
            for i, flags in (0, 0), (1, os.O_DIRECT):
                os.stat(volumes[i])
                before = decoded(m)
                held.hold(held.source)
                reader = start('python3', '-c', LAST_BYTES, volumes[i], str(flags))
                all_wait([reader])
                reader.kill()
                if not flags:
                    reader.wait()
                held.go_on()
                reader.wait()
                assert wait_until(lambda: decodes_no_more(m)), 'it works on and on'
                assert decoded(m) - before <= slices // 2, (flags, decoded(m))
            held.hold(held.source)
            reader = start('python3', '-c', LAST_BYTES, volumes[2], str(os.O_DIRECT))
            all_wait([reader])
            for s in signal.SIGSTOP, signal.SIGCONT, signal.SIGUSR1:
                reader.send_signal(s)
            before = decoded(m)
            held.go_on()
            out, said = reader.communicate(timeout=LIMIT)
            size = os.stat(volumes[2]).st_size
            assert (out, said) == (b'%d 0\n' % (size % 4096), b''), 'what does not kill it does not end its read'
            assert decoded(m) - before >= slices - 1, 'all of them are needed'


def test_who_waits_for_a_delayed_scan_can_be_interrupted(box):
    with delayed(box, archive(f'{box}/src')) as (held, m):
        # a folder each: before libfuse 3.17 the kernel asks one thing at a time of a folder, and nothing can be
        # interrupted that waits for its turn there
        readers = [start(*words, f'{m.path}/{p}') for words, p in [
            (('ls',), 'nii'), (('ls', '-l'), 'headers'), (('find',), 'dicom'), (('ls',), 'json'),
            (('stat',), 'native/P1'), (('ls',), 'png'), (('cat',), 'mha/x'), (('cat',), 'by/x')]]
        all_wait(readers)
        for r in readers[::2]:
            r.send_signal(signal.SIGINT)
        for r in readers[::2]:
            r.wait(20)
            assert r.returncode == -signal.SIGINT, r.stderr.read()
        assert all(r.poll() is None for r in readers[1::2]), 'the others go on'
        held.go_on()
        for r in readers[1:-1:2]:
            out, _ = r.communicate(timeout=LIMIT)
            assert r.returncode == 0 and b'P1' in out, (r.args, out)
        assert os.listdir(f'{m.path}/nii') == ['P1']


def test_a_delayed_scan_ends_with_the_mount(box):
    source = archive(f'{box}/src')
    for how in [signal.SIGTERM, signal.SIGINT, None]:
        with delayed(box, source) as (held, m):
            reader = how and start('ls', f'{m.path}/nii')   # whoever waits keeps it from being unmounted
            if how:
                all_wait([reader])
                m.process.send_signal(how)
                _, said = reader.communicate(timeout=20)
                assert reader.returncode and b'not connected' in said, said
            else:
                assert unmount(m.path)
            held.go_on()
            assert m.process.wait(20) == 0 and not is_mounted(m.path)


def test_a_delayed_scan_that_fails_is_told_and_tried_again(box):
    source = archive(f'{box}/src')
    with delayed(box, source, noise=True) as (held, m):
        readers = [start('ls', f'{m.path}/nii') for _ in range(3)]
        all_wait(readers)
        held.die()
        for r in readers:
            _, said = r.communicate(timeout=20)
            assert r.returncode and b'Input/output error' in said, said
        assert held.source in m.said(), m.said()
        assert 'nii' in os.listdir(m.path)
        with Mount(source, f'{box}/held', '-o', 'index=none') as again:
            assert again
            refresh(m, lambda: run('ls', f'{m.path}/nii').stdout == 'P1\n')
            m.stop()


def test_a_delayed_scan_loses_no_change(box):
    """Whenever a file comes: while it is mounted, scanned, or watched already."""
    source = archive(f'{box}/src', slices=30)
    for n in range(8):
        with Mount(source, f'{box}/mnt', '-o', 'delay_scan,index=none,views=dicom') as m:
            time.sleep(n * 0.01)
            write(f'{source}/s1/{n}.new', dicom(series=9, number=n))
            assert wait_until(lambda: len(files_below(f'{m.path}/dicom')) == 61 + n), n


def test_a_delayed_mount_uses_and_makes_the_saved_index(box):
    source, index = archive(f'{box}/src'), f'{box}/index.sqlite'
    for _ in range(2):
        with Mount(source, f'{box}/mnt', '-o', f'delay_scan,index={index}') as m:
            assert len(files_below(f'{m.path}/dicom')) == 12
        assert os.path.getsize(index) > 0
    write(f'{box}/other/notes.txt', b'no image')
    with Mount(f'{box}/other', f'{box}/mnt', '-o', 'delay_scan,index=none', noise=True) as m:
        assert os.listdir(f'{m.path}/dicom') == []
        assert m.said() == f'dcmfs: warning: {box}/other: not one DICOM file in the source\n', m.said()


def test_a_delayed_mount_returns_at_once(box):
    mnt = f'{box}/mnt'
    os.mkdir(mnt)
    with Held(archive(f'{box}/src'), f'{box}/held') as held:
        r = run(DCMFS, '-o', 'delay_scan,index=none', held.source, mnt, stdin=subprocess.DEVNULL)
        try:
            assert (r.returncode, r.stdout, r.stderr) == (0, '', ''), r
            assert is_mounted(mnt) and 'nii' in os.listdir(mnt)
            reader = start('ls', f'{mnt}/nii')
            held.go_on()
            assert reader.communicate(timeout=LIMIT)[0] == b'P1\n'
        finally:
            end_background(mnt)
    ours = run(DCMFS, '--ls', '-o', 'delay_scan', f'{box}/src')
    assert ours.returncode == 0 and 'nii/P1' in ours.stdout.splitlines(), ours


# ---- running them ------------------------------------------------------------------------

def stop_late(*_):
    raise AssertionError(f'it took more than {LIMIT} s')


def one(name, test):
    box = tempfile.mkdtemp(prefix='dcmfs-mount-')
    signal.signal(signal.SIGALRM, stop_late)
    signal.alarm(LIMIT)
    try:
        test(box)
        return True
    except Exception as e:      # a test's failure is its result
        print(f'FAIL {name}: {type(e).__name__}: {str(e)[:2000]}')
        return False
    finally:
        signal.alarm(0)
        for name in os.listdir(box):
            unmount(os.path.join(box, name))
        shutil.rmtree(box, ignore_errors=True)


def main():
    if not os.access('/dev/fuse', os.R_OK | os.W_OK) or not shutil.which('fusermount3'):
        print('SKIP mount: no /dev/fuse here, NOTHING OF THE MOUNT WAS TESTED')
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)    # run in the background, it was ignored
    tests = {n[5:]: f for n, f in globals().items() if n.startswith('test_')}
    wanted = [n for n in tests if not sys.argv[1:] or any(a in n for a in sys.argv[1:])]
    bad = [n for n in wanted if not one(n, tests[n])]
    print(f'{len(wanted) - len(bad)} passed, {len(bad)} failed')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
