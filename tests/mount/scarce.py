#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A daemon that is short of memory, of descriptors or of threads: requests may fail, but whatever is read is
right, it goes on, and it ends cleanly. The program alone exits with 1 and one line then."""
import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mount import DCMFS, Mount, archive, content, files_below, is_sanitized, wait_until  # noqa: E402

OPTIONS = ['-o', 'index=none,views=nii:headers:png:dicom:json']


def limited(what, most):
    return lambda: resource.setrlimit(what, (most, most))


def expected(source, box):
    with Mount(source, f'{box}/mnt', *OPTIONS) as m:
        return {p: content(p) for p in files_below(m.path)}


def check_mount(source, box, what, most, whole):
    """None, or what is wrong. A mount that does not come up says so."""
    mnt = f'{box}/mnt'
    p = subprocess.Popen([DCMFS, '-f', *OPTIONS, source, mnt], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limited(what, most))
    try:
        if not wait_until(lambda: os.path.ismount(mnt) or p.poll() is not None, 20):
            return 'neither up nor over'
        if p.poll() is not None:
            return None if p.returncode == 1 and b'dcmfs: ' in p.stderr.read() else f'exit {p.returncode}'
        failed = 0
        for path, data in whole.items():
            try:
                if content(path) != data:
                    return f'{path}: other bytes'
            except OSError as e:
                failed += 1
                if e.errno not in (errno.ENOMEM, errno.EIO, errno.EMFILE):
                    return f'{path}: {e}'
        if failed == len(whole):
            return 'nothing can be read'
        if subprocess.run(['fusermount3', '-u', mnt]).returncode or p.wait(20):
            return f'exit {p.returncode}'
    finally:
        subprocess.run(['fusermount3', '-uz', mnt], capture_output=True)
        p.kill()
        p.wait()
        p.stderr.close()
    return None


def check_cat(source, what, most, path, data):
    p = subprocess.run([DCMFS, '-o', 'index=none', '--cat', source, path], capture_output=True,
                       preexec_fn=limited(what, most), timeout=60)
    if p.returncode == 127 and b'shared librar' in p.stderr:
        return None      # too little for the program itself
    if p.returncode == 0:
        return None if p.stdout == data else f'{path}: other bytes'
    if p.returncode != 1 or not p.stderr.startswith(b'dcmfs: ') or not data.startswith(p.stdout):
        return f'{path}: exit {p.returncode}, {p.stderr}'
    return None


def main():
    if not os.access('/dev/fuse', os.R_OK | os.W_OK):
        print('SKIP scarce: no /dev/fuse here')
        return 0
    if is_sanitized():
        print('SKIP scarce: a sanitizer wants all the addresses there are')
        return 0
    box = tempfile.mkdtemp(prefix='dcmfs-scarce-')
    passed, wrong = 0, []
    try:
        source = archive(f'{box}/src', slices=8, rows=128, columns=128)
        whole = expected(source, box)
        short = {p[len(f'{box}/mnt/'):]: d for p, d in whole.items()}
        cases = [(resource.RLIMIT_AS, n << 20) for n in (60, 90, 115, 117, 119, 120, 150, 170, 190, 210)]
        cases += [(resource.RLIMIT_NOFILE, n) for n in (12, 16, 20, 32)]
        for what, most in cases:
            said = check_mount(source, box, what, most, whole)
            for path in [p for p in short if p.endswith(('Series_1.nii', '/00001.txt', 'Series_1.png'))]:
                said = said or check_cat(source, what, most, path, short[path])
            passed += said is None
            if said:
                wrong.append(f'limit {what} of {most}: {said}')
    finally:
        shutil.rmtree(box, ignore_errors=True)
    for what in wrong:
        print(f'FAIL {what}')
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


sys.exit(main())
