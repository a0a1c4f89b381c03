#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Readers, listers, growth and removal side by side, for $SOAK_SECONDS (20): every volume that is
read is whole and of one moment, and neither the daemon's memory nor its descriptors grow without end.
A long soak prints what it saw twenty times on its way."""
import os
import random
import shutil
import struct
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mount import Mount, dicom, files_below, is_sanitized, write  # noqa: E402

SECONDS = float(os.environ.get('SOAK_SECONDS', '20'))
SIDE, PLANE = 32, 32 * 32 * 2
SAMPLES = 100
KEPT = 60      # series whose planes are known: a reader may still have one that has gone
# Bounded, not nothing: caches fill, a reader may be in the middle of something.
MOST_KIB, MOST_DESCRIPTORS = 8192, 64


class Soak:
    def __init__(self, box):
        self.source, self.box = f'{box}/src', box
        self.end = time.time() + SECONDS
        self.planes, self.wrong, self.count = {}, [], {'volumes': 0, 'walks': 0, 'changes': 0}

    def add(self, series, number):
        data = dicom(patient=f'P{series % 7}', study=series, series=series, number=number, rows=SIDE, columns=SIDE)
        plane = data[-PLANE:]
        rows = [plane[i:i + SIDE * 2] for i in range(0, PLANE, SIDE * 2)]
        self.planes[b''.join(reversed(rows))] = self.planes[plane] = series
        path = f'{self.source}/s{series}/{number}.dcm'
        write(path + '.part', data)      # not DICOM's name yet: as a careful sender does
        os.rename(path + '.part', path)

    def change(self):
        rng = random.Random(1)
        counts, newest = {s: 3 for s in range(1, 6)}, 5
        while time.time() < self.end:
            series = rng.choice(list(counts))
            if counts[series] > 12:
                shutil.rmtree(f'{self.source}/s{series}')
                del counts[series]
                series = newest = newest + 1      # what comes is new, UIDs and all
                counts[series] = 0
                for plane in [p for p, of in self.planes.items() if of < series - KEPT]:
                    del self.planes[plane]
            for _ in range(3):
                counts[series] += 1
                self.add(series, counts[series])
            self.count['changes'] += 1
            time.sleep(0.3)

    def check_volume(self, path):
        """The whole file through one descriptor, slowly enough for changes to come between."""
        with open(path, 'rb', buffering=0) as f:
            size = os.fstat(f.fileno()).st_size
            data = b''
            while piece := f.read(3000):
                data += piece
                time.sleep(random.random() / 1000)
        if len(data) != size:
            return f'{len(data)} bytes of {size}'
        x, y, z = struct.unpack('<3h', data[42:48])
        if (x, y) != (SIDE, SIDE) or size != 352 + z * PLANE:
            return f'a header of {x}, {y}, {z} before {size} bytes'
        for k in range(z):
            if data[352 + k * PLANE:352 + (k + 1) * PLANE] not in self.planes:
                return f'slice {k} of {z} is nobody\'s'
        return None

    def read(self, m):
        while time.time() < self.end:
            try:
                for path in [p for p in files_below(f'{m.path}/nii') if p.endswith('.nii')]:
                    what = self.check_volume(path)
                    self.count['volumes'] += 1
                    if what:
                        self.wrong.append(f'{path}: {what}')
            except OSError:      # what has gone may be gone, but never wrong
                pass

    def walk(self, m):
        while time.time() < self.end:
            for path in files_below(m.path + '/headers') + files_below(m.path + '/.dcmfs'):
                try:
                    with open(path, 'rb') as f:      # of what is open: the name may get another
                        size = os.fstat(f.fileno()).st_size
                        if len(f.read()) != size and '/.dcmfs/' not in path:
                            self.wrong.append(f'{path}: not {size} bytes')
                except OSError:
                    pass
            self.count['walks'] += 1


def sample(pid):
    """KiB in memory, and open descriptors."""
    with open(f'/proc/{pid}/status') as f:
        memory = [int(line.split()[1]) for line in f if line.startswith('VmRSS')][0]
    return memory, len(os.listdir(f'/proc/{pid}/fd'))


def watch(pid, count):
    """Samples of the whole time, evenly."""
    start, seen = time.time(), []
    for n in range(1, SAMPLES + 1):
        time.sleep(max(0, start + n * SECONDS / SAMPLES - time.time()))
        seen.append(sample(pid))
        if SECONDS >= 300 and n % (SAMPLES // 20) == 0:
            print(f'{time.time() - start:.0f} s: {seen[-1][0]} KiB, {seen[-1][1]} descriptors, {count}', flush=True)
    return seen


def growth(seen, which):
    """From the most of the second quarter to the most of the last: the first is for warming up."""
    quarter = len(seen) // 4
    return max(s[which] for s in seen[-quarter:]) - max(s[which] for s in seen[quarter:2 * quarter])


def main():
    if not os.access('/dev/fuse', os.R_OK | os.W_OK):
        print('SKIP soak: no /dev/fuse here')
        return 0
    box = tempfile.mkdtemp(prefix='dcmfs-soak-')
    try:
        s = Soak(box)
        for series in range(1, 6):
            for number in range(1, 4):
                s.add(series, number)
        with Mount(s.source, f'{box}/mnt', '-o', 'index=none,views=nii:headers:.dcmfs', noise=True) as m:
            threads = [threading.Thread(target=s.change)]
            threads += [threading.Thread(target=f, args=(m,)) for f in (s.read, s.read, s.walk)]
            for t in threads:
                t.start()
            seen = watch(m.process.pid, s.count)
            for t in threads:
                t.join()
    finally:
        shutil.rmtree(box, ignore_errors=True)
    grown, opened = growth(seen, 0), growth(seen, 1)
    if grown > MOST_KIB and not is_sanitized():
        s.wrong.append(f'the daemon grew by {grown} KiB in the second half')
    if opened > MOST_DESCRIPTORS:
        s.wrong.append(f'the daemon has {opened} descriptors more than at half time')
    idle = [what for what, n in s.count.items() if n == 0]
    if idle:
        s.wrong.append(f'nothing was done: {s.count}')
    for what in s.wrong[:10]:
        print(f'FAIL {what}')
    print(f'{s.count}, {grown} KiB and {opened} descriptors more in the second half')
    print(f'{0 if s.wrong else 1} passed, {1 if s.wrong else 0} failed')
    return 1 if s.wrong else 0


sys.exit(main())
