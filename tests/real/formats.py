#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every volume of every case in every format, read by other people's programs: the voxels are those of the .nii, and
lie where its affine says."""
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np

try:
    import nibabel
except ImportError:
    nibabel = None

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from real import each_case, verdict  # noqa: E402

big = int(os.environ.get('BIG', 64 << 20))     # bytes of a .nii; of larger ones only sizes are looked at
near = 1e-4                                     # mm
warnings.simplefilter('ignore')


def corners(shape):
    i, j, k = ((0, n - 1) for n in (tuple(shape) + (1, 1))[:3])
    return np.array([(a, b, c, 1) for a in i for b in j for c in k], float).T


def same_place(a, b, shape):
    return np.allclose(a @ corners(shape), b @ corners(shape), atol=near, rtol=0)


def same_values(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        a, b = a.squeeze(), b.squeeze()
    if a.shape != b.shape:
        return False
    if a.dtype.fields or b.dtype.fields:
        return a.tobytes('F') == b.tobytes('F')
    return np.allclose(a, b, rtol=1e-6, atol=1e-30, equal_nan=True)


def affine_of(nii):
    """As the header has it; where both codes are 0 nibabel would make up another."""
    return nii.header.get_sform()


def values(nii):
    return np.asanyarray(nii.dataobj)


def check_gz(nii_path, path):
    with open(nii_path, 'rb') as f:
        whole = f.read()
    if subprocess.run(['gzip', '-t', path], check=False).returncode:
        verdict(False, path, 'gzip -t')
        return
    with gzip.open(path) as f:
        verdict(f.read() == whole, path, 'not the bytes of the .nii')


def check_analyze(nii, path):
    img = nibabel.load(path)
    got, want = values(img), values(nii)
    if got.ndim == 3:
        got = got[..., None]
    if want.ndim == 3:
        want = want[..., None]
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(affine_of(nii)), [[0, -1], [1, 1], [2, 1]])
    verdict(same_values(got, nibabel.orientations.apply_orientation(want, turn)), path, 'values')
    zooms = np.linalg.norm(affine_of(nii)[:3, :3], axis=0)
    verdict(np.allclose(sorted(img.header.get_zooms()[:3]), sorted(zooms), rtol=1e-5), path, 'zooms')
    if not nii.header['sform_code']:
        return
    # The origin is a whole voxel, and angles are lost: an upright volume is right to half a voxel.
    rz = affine_of(nii)[:3, :3] / zooms
    origin, dims = img.header['origin'][:3], np.array(img.shape[:3])
    if (origin <= -dims).any() or (origin >= 2 * dims).any():
        return                                  # readers take one so far away for none
    if np.allclose(np.sort(np.abs(rz), axis=0)[:2], 0, atol=1e-6):
        upright = affine_of(nii) @ nibabel.orientations.inv_ornt_aff(turn, nii.shape[:3])
        off = np.abs(upright[:3, 3] - img.affine[:3, 3])
        verdict((off <= zooms.max() / 2 + 1e-3).all(), path, 'origin is off by', off)
        verdict(np.allclose(upright[:3, :3], img.affine[:3, :3], rtol=1e-4, atol=1e-4), path, 'affine')


def check_minc(nii, path):
    img = nibabel.load(path)
    got, want = values(img), values(nii)
    if want.ndim == 4:
        got = got.transpose((3, 2, 1, 0))
    else:
        got = got.transpose((2, 1, 0))
    verdict(same_values(got, want), path, 'values')
    # nibabel's affine is of (time,) k, j, i; it leaves time out.
    turn = np.eye(4)[[2, 1, 0, 3]]
    verdict(same_place(img.affine @ turn, affine_of(nii), nii.shape), path, 'place', img.affine @ turn, affine_of(nii))
    if subprocess.run(['mincinfo', path], stdout=subprocess.DEVNULL, check=False).returncode:
        verdict(False, path, 'mincinfo')
        return
    if want.size < 4e6:
        raw = subprocess.run(['mincextract', '-double', path], stdout=subprocess.PIPE, check=False).stdout
        out = np.frombuffer(raw, np.float64)
        verdict(out.size == want.size and np.allclose(out, want.ravel('F'), rtol=1e-6, atol=1e-3), path, 'mincextract')


METAIMAGE = {'MET_UCHAR': 'u1', 'MET_CHAR': 'i1', 'MET_SHORT': '<i2', 'MET_USHORT': '<u2', 'MET_INT': '<i4',
             'MET_UINT': '<u4', 'MET_LONG_LONG': '<i8', 'MET_ULONG_LONG': '<u8', 'MET_FLOAT': '<f4',
             'MET_DOUBLE': '<f8'}
NRRD = {'uint8': 'u1', 'int8': 'i1', 'int16': '<i2', 'uint16': '<u2', 'int32': '<i4', 'uint32': '<u4', 'int64': '<i8',
        'uint64': '<u8', 'float': '<f4', 'double': '<f8'}


def check_mha(nii, path):
    with open(path, 'rb') as f:
        whole = f.read()
    head, _, rest = whole.partition(b'ElementDataFile = LOCAL\n')
    h = dict(line.split(' = ') for line in head.decode().splitlines())
    dims = [int(x) for x in h['DimSize'].split()]
    n = int(h['NDims'])
    colours = int(h.get('ElementNumberOfChannels', 1))
    data = np.frombuffer(rest, METAIMAGE[h['ElementType']])
    want = values(nii)
    if colours == 3:
        verdict(data.tobytes() == want.tobytes('F'), path, 'values')
    else:
        verdict(data.size == np.prod(dims) and same_values(data.reshape(dims, order='F'), want), path, 'values')
    m = np.array([float(x) for x in h['TransformMatrix'].split()]).reshape(n, n)[:3, :3].T
    a = np.eye(4)
    a[:3, :3] = m * [float(x) for x in h['ElementSpacing'].split()][:3]
    a[:3, 3] = [float(x) for x in h['Offset'].split()][:3]
    verdict(same_place(np.diag([-1, -1, 1, 1]) @ a, affine_of(nii), dims), path, 'place')


def check_nrrd(nii, path, bval, bvec):
    with open(path, 'rb') as f:
        whole = f.read()
    head, _, rest = whole.partition(b'\n\n')
    lines = head.decode().splitlines()
    h = dict(line.split(': ', 1) for line in lines[1:] if ':=' not in line)
    keys = dict(line.split(':=', 1) for line in lines[1:] if ':=' in line)
    dims = [int(x) for x in h['sizes'].split()]
    data = np.frombuffer(rest, NRRD[h['type']])
    want = values(nii)
    dirs = [x for x in h['space directions'].split() if x != 'none']
    if 'RGB-color' in h['kinds']:
        dims = dims[1:]
        verdict(data.tobytes() == want.tobytes('F'), path, 'values')
    else:
        verdict(data.size == np.prod(dims) and same_values(data.reshape(dims, order='F'), want), path, 'values')
    a = np.eye(4)
    for i, d in enumerate(dirs):
        a[:3, i] = [float(x) for x in d.strip('()').split(',')]
    a[:3, 3] = [float(x) for x in h['space origin'].strip('()').split(',')]
    verdict(same_place(a, affine_of(nii), dims), path, 'place')
    if shutil.which('teem-unu'):
        got = subprocess.run(['teem-unu', 'minmax', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        verdict(got.returncode == 0, path, 'unu:', got.stdout[:200])
    if bvec is not None and 'DWMRI_b-value' in keys:
        most = float(keys['DWMRI_b-value'])
        r = affine_of(nii)[:3, :3]
        r = r / np.linalg.norm(r, axis=0)
        for t, (b, v) in enumerate(zip(bval, bvec.T)):
            g = np.array([float(x) for x in keys[f'DWMRI_gradient_{t:04}'].split()])
            verdict(abs(most * (g @ g) - (b if v @ v > 0.5 else 0)) <= 1e-3 * max(b, 1) * 5 or v @ v < 0.5, path, 'b of', t)
            back = r.T @ g * ([-1, 1, 1] if np.linalg.det(r) > 0 else [1, 1, 1])
            if b and v @ v > 0.5:
                verdict(np.allclose(back / np.linalg.norm(back), v / np.linalg.norm(v), atol=2e-3), path, 'direction', t)


def check_itk(nii, path, scratch):
    """Through a program that uses ITK: three dimensions, one sample."""
    out = os.path.join(scratch, 'itk.nii')
    if os.path.exists(out):
        os.unlink(out)
    got = subprocess.run(['plastimatch', 'convert', '--input', path, '--output-img', out, '--output-type', 'float'],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if got.returncode or not os.path.exists(out):
        verdict(False, path, 'ITK:', got.stdout.decode(errors='replace')[-300:])
        return
    img = nibabel.load(out)
    verdict(same_place(img.affine, affine_of(nii), nii.shape), path, 'place by ITK')
    verdict(same_values(img.get_fdata(), values(nii)), path, 'values by ITK')


def refusals(mount):
    with open(os.path.join(mount, '.dcmfs', 'problems.tsv'), encoding='utf-8') as f:
        return f.read()


def contents(path):
    with open(path, 'rb') as f:
        while f.read(1 << 20):
            pass


def check_volume(mount, path, problems, scratch, itk):
    def at(view, ending):
        return os.path.join(mount, view, path + ending)

    nii_path = at('nii', '.nii')
    verdict(os.path.getsize(at('nii.gz', '.nii.gz')) > os.path.getsize(nii_path), path, 'nii.gz')
    if os.path.getsize(nii_path) > big:
        return
    try:
        contents(nii_path)                      # a map would meet what cannot be read with a signal
        nii = nibabel.load(nii_path)
        values(nii)
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError):
        return                                  # an image that cannot be decoded
    check_gz(nii_path, at('nii.gz', '.nii.gz'))
    check_analyze(nii, at('analyze', '.img'))
    if os.path.exists(at('minc', '.mnc')):
        check_minc(nii, at('minc', '.mnc'))
    else:
        verdict(f'minc/{path} is not there' in problems, path, 'minc is missing without a word')
    bval = bvec = None
    if os.path.exists(at('nii', '.bvec')):
        bval, bvec = np.loadtxt(at('nii', '.bval'), ndmin=1), np.loadtxt(at('nii', '.bvec'), ndmin=2)
    check_mha(nii, at('mha', '.mha'))
    check_nrrd(nii, at('nrrd', '.nrrd'), bval, bvec)
    turned = nii.header['sform_code'] and np.allclose(nii.header.get_sform(), nii.header.get_qform(), atol=1e-5)
    if itk and nii.ndim == 3 and nii.get_data_dtype().fields is None and turned and nii.shape[2] > 1:
        check_itk(nii, at('mha', '.mha'), scratch)
        check_itk(nii, at('nrrd', '.nrrd'), scratch)


def check_case(case, _, mount):
    itk = shutil.which('plastimatch')
    problems = refusals(mount)
    root = os.path.join(mount, 'nii')
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            if name.endswith('.nii'):
                path = os.path.relpath(os.path.join(folder, name[:-4]), root)
                try:
                    with tempfile.TemporaryDirectory() as scratch:
                        check_volume(mount, path, problems, scratch, itk)
                except Exception as e:          # pylint: disable=broad-except
                    verdict(False, case, path, type(e).__name__, e)


def main():
    status = each_case(check_case, nibabel)
    if status is None:
        print('SKIP  real/formats: needs python3-nibabel, /dev/fuse and cases in $CASES')
    return status


if __name__ == '__main__':
    sys.exit(main())
