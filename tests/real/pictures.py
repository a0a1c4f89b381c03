#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every picture of every case: pngcheck and an independent reader take it; where a slice comes from one file with a
window of its own, its grey values are those that pydicom's windowing gives (to one step). $MOST is
how many slices of a volume are compared."""
import csv
import html.parser
import os
import subprocess
import sys
import urllib.parse
import warnings

try:
    import numpy as np
    import pydicom
    from pydicom.pixel_data_handlers.util import apply_modality_lut, apply_voi_lut
except ImportError:
    pydicom = None

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from real import each_case, verdict  # noqa: E402

most = int(os.environ.get('MOST', 3))
warnings.simplefilter('ignore')


def read_png(path):
    """Grey or RGB, 8 bits, no filters: what these files are. zlib does the rest."""
    import struct
    import zlib
    with open(path, 'rb') as f:
        data = f.read()
    at, idat = 8, b''
    while at < len(data):
        n, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        assert zlib.crc32(data[at + 4:at + 8 + n]) == struct.unpack('>I', data[at + 8 + n:at + 12 + n])[0]
        if kind == b'IHDR':
            width, height, _, colour = struct.unpack('>IIBB', body[:10])
        if kind == b'IDAT':
            idat += body
        at += 12 + n
    channels = 3 if colour == 2 else 1
    rows = np.frombuffer(zlib.decompress(idat), np.uint8).reshape(height, 1 + width * channels)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels).squeeze(2 if channels == 1 else ())


def first(value):
    return value[0] if isinstance(value, pydicom.multival.MultiValue) else value


def grey_of(path):
    """What pydicom makes of a single-frame grey image with a window; None: not one."""
    ds = pydicom.dcmread(path)
    if ds.get('NumberOfFrames', 1) != 1 or ds.get('SamplesPerPixel', 1) != 1 or 'VOILUTSequence' in ds or \
            'WindowWidth' not in ds or 'ModalityLUTSequence' in ds or ds.PhotometricInterpretation.startswith('P'):
        return None
    if ds.get('VOILUTFunction', 'LINEAR') != 'LINEAR' or float(first(ds.WindowWidth)) < 1:
        return None
    if ds.BitsStored < ds.BitsAllocated and ds.pixel_array.max() >= 2 ** ds.BitsStored:
        return None                             # bits that are not the image's
    image = apply_modality_lut(ds.pixel_array, ds).astype(float)
    center, width = float(first(ds.WindowCenter)), float(first(ds.WindowWidth))
    if width == 1:
        grey = np.where(image > center - 0.5, 255., 0.)
    else:
        grey = np.clip(((image - (center - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)
    if not ds.get('VOILUTFunction'):            # the same by pydicom, in its own range, where the range lets it
        theirs = apply_voi_lut(image, ds).astype(float)
        low, high = theirs.min(), theirs.max()
        if high > low and grey.min() == 0 and grey.max() == 255:
            assert np.allclose((theirs - low) / (high - low) * 255, grey, atol=1)
    return 255 - grey if ds.PhotometricInterpretation == 'MONOCHROME1' else grey


def compare(mount, source, case):
    """By slices.tsv, which tells what slice of a volume is which file."""
    seen = {}
    with open(os.path.join(mount, '.dcmfs', 'slices.tsv'), encoding='utf-8') as f:
        rows = list(csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE))
    planes = {}
    for row in rows:
        planes[row['volume']] = max(planes.get(row['volume'], 0), int(row['index']) + 1)
    for row in rows:
        volume = row['volume']
        seen[volume] = seen.get(volume, 0) + 1
        if seen[volume] > most or row['column0'] != '0' or row['row0'] != '0' or '_ROI' in volume or \
                '_Tilt' in volume or '_Eq' in volume:
            continue
        number = int(row['time_index']) * planes[volume] + int(row['index']) + 1
        folder = os.path.join(mount, 'png', volume)
        names = sorted(os.listdir(folder))
        try:
            want = grey_of(os.path.join(source, row['source']))
            got = read_png(os.path.join(folder, names[number - 1]))
        except Exception:                       # pylint: disable=broad-except
            continue                            # one of them cannot decode it
        if want is None or got.shape != want.shape:
            continue                            # a mosaic, oblong pixels
        off = np.abs(got - want)
        verdict(off.max() <= 1, case, volume, names[number - 1], 'is off by', off.max())


class Links(html.parser.HTMLParser):
    """What a page leads to, and whether its elements are closed in turn."""

    def __init__(self):
        super().__init__()
        self.found, self.open, self.sound = [], [], True

    def handle_starttag(self, tag, attrs):
        self.found += [value for key, value in attrs if key in ('href', 'src')]
        if tag not in ('meta', 'img'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.sound = self.sound and bool(self.open) and self.open.pop() == tag


def check_page(path):
    page = Links()
    with open(path, encoding='utf-8') as f:
        page.feed(f.read())
    verdict(page.sound and not page.open, path, 'elements are not closed in turn')
    for link in page.found:
        where = os.path.join(os.path.dirname(path), urllib.parse.unquote(link))
        verdict('://' not in link and os.path.exists(where), path, 'leads to', link)


def check_case(case, source, mount):
    pictures = []
    for folder, _, names in os.walk(os.path.join(mount, 'png')):
        pictures += [os.path.join(folder, name) for name in names if name.endswith('.png')]
        for name in names:
            if name.endswith('.html'):
                check_page(os.path.join(folder, name))
    step = max(1, len(pictures) // 300)
    for path in pictures[::step]:
        try:
            with open(path, 'rb') as f:
                f.read()
        except OSError:
            continue                            # not to be decoded: told in problems.tsv
        got = subprocess.run(['pngcheck', '-q', path], stdout=subprocess.PIPE, check=False)
        verdict(got.returncode == 0, path, got.stdout[:200])
    compare(mount, source, case)


def main():
    status = each_case(check_case, 'pngcheck', pydicom)
    if status is None:
        print('SKIP  real/pictures: needs python3-pydicom, pngcheck, /dev/fuse and cases in $CASES')
    return status


if __name__ == '__main__':
    sys.exit(main())
