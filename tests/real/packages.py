#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The test files that python3-pydicom brings, through a mount, against what independent readers say.

  files    every Part 10 file is under dicom/, byte for byte, once
  dumps    every element that pydicom sees is a line of headers/, with its path, VR and value
  tags     dcmdump sees the same elements
  volumes  nibabel opens every .nii, and as many bytes come as its header says
  convert  each volume that dcm2niix makes of the series among them is there, voxel by voxel
"""
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from real import files_under, finish, mounted, read, verdict  # noqa: E402

try:
    import nibabel
    import pydicom
    from pydicom.multival import MultiValue
except ImportError:
    print('SKIP  real/packages: python3-pydicom and python3-nibabel are not both installed')
    sys.exit(0)

LINE = re.compile(r'^(\([0-9a-f]{4},[0-9a-f]{4}\)\S*) ([A-Z]{2}) (.*?) =(?: (.*))?$')
NUMBERS = {'FL', 'FD', 'DS', 'IS', 'US', 'SS', 'UL', 'SL', 'UV', 'SV'}
TEXTS = {'AE', 'AS', 'CS', 'DA', 'DT', 'LO', 'PN', 'SH', 'TM', 'UC', 'UI'}
# What the dcm2niix of Debian makes of these is no yardstick: two scouts that cross are not one stack.
OTHERWISE = {'4_Scout_1.nii'}

def digest(data):
    return hashlib.sha256(data).hexdigest()


def check_files(src, mnt):
    have = [digest(read(p)) for p in files_under(mnt + '/dicom', '.dcm')]
    for p in files_under(src):
        data = read(p)
        if data[128:132] == b'DICM' and b'1.2.840.10008.1.3.10' not in data[:1024]:
            verdict(have.count(digest(data)) == 1, f'{p} is {have.count(digest(data))} times under dicom/')


def elements(ds, prefix=''):
    for e in ds:
        path = f'{prefix}({e.tag.group:04x},{e.tag.element:04x})'
        yield path, e
        if e.VR == 'SQ':
            for i, item in enumerate(e.value, 1):
                yield from elements(item, f'{path}[{i}].')


def single(v):
    """A float of 32 bits, as the file has it; the text is only long enough to read back as that."""
    return struct.unpack('<f', struct.pack('<f', float(v)))[0]


def same_vr(ours, theirs):
    """pydicom looks up what the file calls UN, and leaves open what either of two fits."""
    return ours == theirs or 'UN' in (ours, theirs) or {ours, theirs} <= {'US', 'SS', 'OB', 'OW'}


def same_value(text, e):
    """Only of what both tell in one way: numbers, and short texts without control characters."""
    value = list(e.value) if isinstance(e.value, (list, MultiValue)) else [e.value]
    if e.VR in NUMBERS:
        try:
            same = single if e.VR == 'FL' else float
            want = [same(v) for v in value if v not in (None, '')]
            return [same(t) for t in text.split('\\') if t] == want or text == str(e.value)
        except (TypeError, ValueError):
            return True
    if e.VR in TEXTS and all(str(v).isprintable() for v in value):
        got = [t.strip() for t in text.split('  # ')[0].split('\\')]
        return got == [str(v).strip() for v in value] or not text and value in ([None], [''])
    return True


def check_dump(dcm, txt):
    try:
        ds = pydicom.dcmread(dcm, force=True)
        want = list(elements(ds.file_meta)) + list(elements(ds))
    except Exception:       # what pydicom cannot read is no yardstick
        return
    lines = {}
    with open(txt, encoding='utf-8') as f:
        for m in filter(None, map(LINE.match, f)):
            lines[m[1]] = m[2], m[4] or ''
    bad = [f'{path} {e.VR}' for path, e in want if path not in lines
           or not same_vr(lines[path][0], e.VR[:]) or not same_value(lines[path][1], e)]
    verdict(not bad, f'{txt}: {len(bad)} of {len(want)} elements differ: {", ".join(bad[:4])}')


def check_tags(dcm, txt):
    """dcmdump indents what is nested; ours has a path there."""
    r = subprocess.run(['dcmdump', '-q', '-Un', dcm], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if r.returncode:
        return
    theirs = re.findall(r'^\(([0-9a-f]{4},[0-9a-f]{4})\)', r.stdout.decode('latin-1'), re.M)
    with open(txt, encoding='utf-8') as f:
        ours = re.findall(r'^\(([0-9a-f]{4},[0-9a-f]{4})\) ', f.read(), re.M)
    theirs = [t for t in theirs if t[:4] != 'fffe']
    verdict(ours == theirs, f'{txt}: other elements than dcmdump: {sorted(set(ours) ^ set(theirs))[:6]}')


def check_volume(path):
    try:
        img = nibabel.load(path)
        n = os.path.getsize(path)
        want = int(img.dataobj.offset) + img.dataobj.dtype.itemsize * eval('*'.join(map(str, img.shape)))
        verdict(n == want and len(read(path)) == n, f'{path}: {n} bytes, the header says {want}')
    except (OSError, nibabel.filebasedimages.ImageFileError) as e:        # voxels that cannot be had are named
        problems = open(path[:path.index('/nii/')] + '/.dcmfs/problems.tsv', encoding='utf-8').read()
        verdict(len(problems.splitlines()) > 1, f'{path}: {e}, and nothing in problems.tsv')


def voxels(path):
    img = nibabel.load(path)
    return img.shape, str(img.dataobj.dtype), digest(read(path)[int(img.dataobj.offset):])


def check_conversion(src, mnt):
    out = tempfile.mkdtemp(prefix='dcmfs-real-')
    subprocess.run(['dcm2niix', '-b', 'n', '-z', 'n', '-f', '%s_%d_%u', '-o', out, src],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    ours = set()
    for p in files_under(mnt + '/nii', '.nii'):
        try:
            ours.add(voxels(p))
        except (OSError, nibabel.filebasedimages.ImageFileError):
            pass
    for p in files_under(out, '.nii'):
        name = os.path.basename(p)
        if name not in OTHERWISE:
            verdict(voxels(p) in ours, f'no volume with the voxels of dcm2niix\' {name}, {voxels(p)[:2]}')
    shutil.rmtree(out)


def check_mount(src, mnt):
    check_files(src, mnt)
    for dcm in files_under(mnt + '/dicom', '.dcm'):
        txt = dcm.replace(mnt + '/dicom', mnt + '/headers')[:-4] + '.txt'
        check_dump(dcm, txt)
        if shutil.which('dcmdump'):
            check_tags(dcm, txt)
    for tool, package in (('dcmdump', 'dcmtk'), ('dcm2niix', 'dcm2niix')):
        if not shutil.which(tool):
            print(f'SKIP  real/packages: {package} is not installed')
    for p in files_under(mnt + '/nii', '.nii'):
        check_volume(p)
    if shutil.which('dcm2niix'):
        check_conversion(os.path.join(src, 'dicomdirtests'), mnt)


def main():
    src = os.path.join(os.path.dirname(pydicom.__file__), 'data', 'test_files')
    with mounted(src) as mnt:
        check_mount(src, mnt)
    return finish()


if __name__ == '__main__':
    sys.exit(main())
