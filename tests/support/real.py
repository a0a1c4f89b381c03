# SPDX-License-Identifier: MIT
"""What the tests on real files share: verdicts that are counted, mounts, and the cases of $CASES.

$CASES has the cases (CASE/dicom), $ONLY some of their names, $DCMFS is the program."""
import contextlib
import os
import shutil
import subprocess
import tempfile

CASES = os.environ.get('CASES') or 'build/corpus'
ONLY = os.environ.get('ONLY', '').split()

counts = {True: 0, False: 0}


def verdict(good, *what):
    counts[bool(good)] += 1
    if not good:
        print('FAIL ', *what)


def finish():
    """Tell the counts; the exit status."""
    print(f'{counts[True]} passed, {counts[False]} failed')
    return counts[False] != 0


@contextlib.contextmanager
def mounted(source, *options):
    """The folder that source is mounted at, for a while."""
    path = tempfile.mkdtemp(prefix='dcmfs-real-')
    try:
        subprocess.run([os.environ['DCMFS'], '-o', ','.join(('index=none',) + options), source, path],
                       stdin=subprocess.DEVNULL, check=True)
        try:
            yield path
        finally:
            subprocess.run(['fusermount3', '-u', '-z', path], check=False)
    finally:
        os.rmdir(path)


def files_under(top, ending=''):
    for root, dirs, names in os.walk(top):
        dirs.sort()
        yield from (os.path.join(root, n) for n in sorted(names) if n.endswith(ending))


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def each_case(test, *needs):
    """test(case, source, mount) of each case. needs: programs, and what else must not be None. The exit status."""
    names = sorted(os.listdir(CASES)) if os.path.isdir(CASES) else []
    missing = [n for n in needs if not (shutil.which(n) if isinstance(n, str) else n)]
    if missing or not names or not os.path.exists('/dev/fuse'):
        return None
    for case in names:
        source = os.path.join(CASES, case, 'dicom')
        if (not ONLY or case in ONLY) and os.path.isdir(source):
            with mounted(source) as mount:
                test(case, source, mount)
    return finish()
