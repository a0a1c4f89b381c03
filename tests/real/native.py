#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""native/ as tools without codecs see it, of the files that python3-pydicom and python3-nibabel bring and of files
made here in each transfer syntax that an encoder is at hand for.

  pixels   pydicom, without any decoder, reads what other decoders make of the source, or what was encoded
  frames   tables of offsets that are missing or lie, frames in many fragments, ends that are cut
  readers  gdcminfo, gdcmconv, dcmftest, dcm2pnm, mrinfo and medcon open what they open of the source, or of the
           source as others decompress it
  told     pixels that are not shown are in problems.tsv

With $EVERY the readers alone, of every file of the cases in $CASES.
"""
import concurrent.futures
import csv
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from real import each_case, finish, mounted, read, verdict  # noqa: E402

try:
    import numpy as np
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import generate_pixel_data_frame
    from pydicom.pixel_data_handlers import numpy_handler, pillow_handler, rle_handler
    from pydicom.pixel_data_handlers.util import convert_color_space
except ImportError:
    print('SKIP  real/native: python3-pydicom and python3-numpy are not both installed')
    sys.exit(0)

warnings.simplefilter('ignore')
SYNTAX = '1.2.840.10008.1.2.'
EXPLICIT = SYNTAX + '1'
PAGE = 4096
NEAR = 2                # steps between two decoders of what is lossy, in RGB
BROKEN = {'JPEG2000-embedded-sequence-delimiter.dcm',      # an image of 3722445056 columns
          'MR_truncated.dcm', 'badVR.dcm'}                 # what pydicom itself refuses
READERS = {'gdcminfo': ['-i', '{}'], 'gdcmconv': ['--raw', '-i', '{}', '-o', '{}.out'], 'dcmftest': ['{}'],
           'dcm2pnm': ['--write-raw-pnm', '{}', '{}.out'], 'mrinfo': ['-quiet', '{}'], 'medcon': ['-f', '{}']}
DECODERS = {'gdcmconv': ['--raw', '-i', '{}', '-o', '{}.out'], 'dcmdjpeg': ['{}', '{}.out'],
            'dcmdjpls': ['{}', '{}.out'], 'dcmdrle': ['{}', '{}.out'], 'dcmconv': ['+te', '{}', '{}.out']}

skipped = set()


def have(tool, why):
    if shutil.which(tool):
        return True
    if tool not in skipped:
        print(f'SKIP  real/native: {tool} is not installed: {why}')
    skipped.add(tool)
    return False


def run(words):
    """The exit status; a signal is below 0."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=30,
                              stderr=subprocess.DEVNULL, check=False).returncode
    except subprocess.TimeoutExpired:
        return -1


# ---- files made here -------------------------------------------------------------------------

class Maker:
    """Instances in a folder; what pixels they have is in `want`, by file name: an array, whether to the bit."""

    def __init__(self, folder):
        self.folder, self.want, self.n = folder, {}, 0
        self.scratch = os.path.join(folder, '..', 'scratch')
        os.makedirs(self.scratch)
        self.rng = np.random.default_rng(1)

    def image(self, bits, signed=False, samples=1, rows=45, cols=51):
        """Smooth, with a little noise."""
        y, x = np.arange(rows)[:, None], np.arange(cols)[None, :]
        a = (np.sin(x / 7) + np.cos(y / 5) + 2) / 4 * (2 ** bits - 1)
        if samples > 1:
            a = np.stack([np.roll(a, 5 * c, 1) for c in range(samples)], 2)
        a = np.clip(a + self.rng.normal(0, 2 ** bits / 200, a.shape), 0, 2 ** bits - 1).astype(np.int64)
        a -= signed * 2 ** (bits - 1)
        size = '1' if bits <= 8 else '2' if bits <= 16 else '4'
        return a.astype(('i' if signed else 'u') + size)

    def header(self, name, pixels, n_frames=1, stored=None, photometric=None, allocated=None):
        self.n += 1
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = '1.2.840.10008.5.1.4.1.1.7'
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f'1.2.3.{self.n}'
        ds.Modality, ds.PatientID, ds.StudyInstanceUID, ds.StudyDate = 'OT', 'P', '1.2.3', '20260101'
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.SeriesDescription = f'1.2.3.{self.n}.1', self.n, name
        frame = pixels[0] if n_frames > 1 else pixels
        ds.Rows, ds.Columns = frame.shape[:2]
        ds.SamplesPerPixel = frame.shape[2] if frame.ndim == 3 else 1
        ds.PhotometricInterpretation = photometric or ('RGB' if ds.SamplesPerPixel == 3 else 'MONOCHROME2')
        if ds.SamplesPerPixel > 1:
            ds.PlanarConfiguration = 0
        ds.BitsAllocated = allocated or frame.dtype.itemsize * 8
        ds.BitsStored = stored or ds.BitsAllocated
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(frame.dtype.kind == 'i')
        if n_frames > 1:
            ds.NumberOfFrames = n_frames
        ds.is_little_endian, ds.is_implicit_VR = True, False
        return ds

    def write(self, path, ds, syntax, vr, value, tag=0x7fe00010, more=b''):
        """pydicom does not know all syntaxes: the header is its, the pixels are put behind."""
        ds.file_meta.TransferSyntaxUID = EXPLICIT
        ds.save_as(path, write_like_original=False)
        meta = pydicom.filebase.DicomBytesIO()
        meta.is_little_endian, meta.is_implicit_VR = True, False
        ds.file_meta.TransferSyntaxUID = syntax
        pydicom.filewriter.write_file_meta_info(meta, ds.file_meta)
        with open(path, 'rb') as f:
            data = f.read()
        at = data.index(struct.pack('<HH', 8, 0x16), 132)         # SOPClassUID is the first element
        length = 0xffffffff if syntax != EXPLICIT else len(value)
        with open(path, 'wb') as f:
            f.write(data[:132] + meta.getvalue() + data[at:] + more)
            f.write(struct.pack('<HH2sHI', tag >> 16, tag & 0xffff, vr, 0, length) + value)

    def add(self, name, syntax, frames, pixels, exact=True, want=None, value=None, mend=None, more=b'', **header):
        """One instance: encoded frames, or the whole value of the pixel data."""
        ds = self.header(name, pixels, len(frames) if frames and len(frames) > 1 else header.pop('n_frames', 1),
                         **header)
        if mend:
            mend(ds)
        value = items([b''] + [even(f) for f in frames]) if value is None else value
        self.write(os.path.join(self.folder, name + '.dcm'), ds, SYNTAX + syntax, b'OB', value, more=more)
        self.want[name + '.dcm'] = (pixels if want is None else want), exact

    def native(self, name, pixels, vr=b'OW', tag=0x7fe00010, n_frames=1, folder=None, value=None, **header):
        ds = self.header(name, pixels, n_frames, **header)
        path = os.path.join(folder or self.folder, name + '.dcm')
        self.write(path, ds, EXPLICIT, vr, even(pixels.tobytes() if value is None else value), tag)
        return path


def even(data):
    return data + b'\0' * (len(data) % 2)


def items(fragments, end=True):
    out = b''.join(b'\xfe\xff\x00\xe0' + struct.pack('<I', len(f)) + f for f in fragments)
    return out + b'\xfe\xff\xdd\xe0\0\0\0\0' * end


def rle(planes):
    """A segment a plane, all literal."""
    head, body = [len(planes)], b''
    for p in planes:
        head.append(64 + len(body))
        for i in range(0, len(p), 128):
            body += bytes([len(p[i:i + 128]) - 1]) + p[i:i + 128]
        body = even(body)
    return struct.pack('<16I', *(head + [0] * (16 - len(head)))) + body


def rle_of(a):
    """Samples to planes of bytes, the most significant first."""
    n = a.dtype.itemsize
    b = np.frombuffer(a.astype(a.dtype.newbyteorder('>')).tobytes(), np.uint8).reshape(-1, n * (a.size // (
        a.shape[0] * a.shape[1])))
    return rle([b[:, k].tobytes() for k in range(b.shape[1])])


def deflate(data):
    z = zlib.compressobj(wbits=-15)
    return z.compress(data) + z.flush()


def pnm(path, a, bits):
    with open(path, 'wb') as f:
        f.write(b'P%d\n%d %d\n%d\n' % (6 if a.ndim == 3 else 5, a.shape[1], a.shape[0], 2 ** bits - 1))
        f.write((a if bits <= 8 else a.astype('>u2')).tobytes())


def read_pnm(path):
    with open(path, 'rb') as f:
        kind, size, most, data = f.read().split(b'\n', 3)
    cols, rows = map(int, size.split())
    assert most == b'255'
    return np.frombuffer(data, np.uint8).reshape((rows, cols, 3) if kind == b'P6' else (rows, cols))


def make_bits(m):
    bits = (m.rng.random((3, 7, 5)) > 0.5).astype(np.uint8)
    packed = [np.packbits(f.ravel(), bitorder='little').tobytes() for f in bits]
    m.add('bits_encapsulated', '1.98', packed, bits, allocated=1)
    m.add('bits_deflated', '8.1', [deflate(p) for p in packed], bits, allocated=1)
    m.add('bits_rle', '5', [rle([p]) for p in packed], bits, allocated=1)
    m.native('bits_native', bits, b'OB', n_frames=3, allocated=1,
             value=np.packbits(bits.ravel(), bitorder='little').tobytes())
    m.want['bits_native.dcm'] = bits, True


def make_words(m):
    for dtype in ('u1', 'u2', 'i2', 'u4', 'i4', 'u8'):
        a = m.rng.integers(0, 2 ** (int(dtype[1]) * 8 - 1), (9, 11)).astype(dtype)
        m.add('rle_' + dtype, '5', [rle_of(a)], a)
        m.add('encapsulated_' + dtype, '1.98', [a.tobytes()], a)
        m.add('deflated_' + dtype, '8.1', [deflate(a.tobytes())], a)
        c = m.rng.integers(0, 2 ** (int(dtype[1]) * 8 - 1), (9, 11, 3)).astype(dtype)
        if dtype in ('u1', 'u2', 'u4'):
            m.add('rle_rgb_' + dtype, '5', [rle_of(c)], c)
    for dtype, vr, tag in (('f4', b'OF', 0x7fe00008), ('f8', b'OD', 0x7fe00009)):
        m.native('float_' + dtype, m.image(16).astype(dtype) / 7, vr, tag)
        m.want[f'float_{dtype}.dcm'] = None, True
    for name, samples in (('CMYK', 4), ('ARGB', 4), ('HSV', 3)):
        a = m.rng.integers(0, 256, (6, 8, samples)).astype('u1')
        m.native(name, a, b'OB', photometric=name)
        m.want[name + '.dcm'] = a, True


def make_with_pnm_tools(m):
    grey8, grey12, grey16, colour = m.image(8), m.image(12), m.image(16), m.image(8, samples=3)
    source, out, back = (os.path.join(m.scratch, x) for x in ('in.pnm', 'out.jpg', 'back.pnm'))
    if have('cjpeg', 'no JPEG of odd kinds'):
        for kind, options, syntax in (('progressive', ['-progressive'], '4.55'), ('plain', [], '4.50'),
                                      ('arithmetic', ['-arithmetic'], '4.52'), ('as_retired', [], '4.59'),
                                      ('both', ['-arithmetic', '-progressive'], '4.56'),
                                      ('restart', ['-restart', '1'], '4.50'), ('2x1', ['-sample', '2x1'], '4.50'),
                                      ('1x2', ['-sample', '1x2'], '4.50'), ('rgb', ['-rgb'], '4.50')):
            for a in (grey8, colour) if kind not in ('2x1', '1x2', 'rgb') else (colour,):
                pnm(source, a, 8)
                run(['cjpeg', '-outfile', out, *options, source])
                run(['djpeg', '-pnm', '-outfile', back, out])
                m.add(f'jpeg_{kind}_{a.ndim}', syntax, [read(out)], a, False, read_pnm(back), photometric=None if
                      a.ndim == 2 else 'RGB' if kind == 'rgb' else 'YBR_FULL_422')
    for tool, options, syntaxes in (('opj_compress', [], ('4.90', '4.91', '4.92')),
                                    ('ojph_compress', ['-reversible', 'true', '-prog_order', 'RPCL'],
                                     ('4.201', '4.202', '4.203')), ('cjxl', ['-d', '0'], ('4.110',))):
        if not have(tool, 'no streams of its kind') or tool == 'cjxl' and not knows_jpeg_xl():
            continue
        for syntax in syntaxes:
            for a, bits in ((grey8, 8), (grey12, 12), (grey16, 16), (colour, 8)):
                if tool == 'cjxl' and bits == 12:          # it makes 8 bits of them
                    continue
                source = os.path.join(m.scratch, 'in.ppm' if a.ndim == 3 else 'in.pgm')
                out = os.path.join(m.scratch, {'opj_compress': 'o.j2k', 'ojph_compress': 'o.jph'}.get(tool, 'o.jxl'))
                pnm(source, a, bits)
                words = [tool, source, out] if tool == 'cjxl' else [tool, '-i', source, '-o', out]
                if run(words + options) == 0:
                    m.add(f'{tool}_{syntax}_{bits}_{a.ndim}', syntax, [read(out)], a, stored=bits,
                          photometric='YBR_RCT' if a.ndim == 3 and tool != 'cjxl' else None)
                    if bits == 12 and syntax.endswith('0'):          # the header has the sign: the same words
                        m.add(f'{tool}_signed', syntax, [read(out)], a.astype('i2'), stored=12)


def knows_jpeg_xl():
    with open(os.environ['DCMFS'], 'rb') as f:
        return b'JxlDecoderCreate' in f.read()


def make_with_dicom_tools(m):
    kinds = {'u8': (m.image(8), 8), 'u12': (m.image(12), 12), 'u16': (m.image(16), 16), 's12': (m.image(12, True), 12),
             's16': (m.image(16, True), 16), 'rgb': (m.image(8, samples=3), 8)}
    encoders = [('dcmcjpeg', ['+el', '+sv', str(v)], 'dcmdjpeg') for v in range(1, 8)]
    encoders += [('dcmcjpeg', [o], 'dcmdjpeg') for o in ('+e1', '+ee', '+es', '+ep')]
    encoders += [('dcmcjpls', ['+el'], ''), ('dcmcjpls', ['+en'], 'dcmdjpls'), ('dcmcrle', [], '')]
    encoders += [('gdcmconv', [o], '') for o in ('--j2k', '--jpegls', '--jpeg')]
    for kind, (a, bits) in kinds.items():
        source = m.native(kind, a, folder=m.scratch, stored=bits)
        for tool, options, back in encoders:
            if not have(tool, 'no streams of its kind'):
                continue
            name = f'{tool}_{"".join(options).strip("-+")}_{kind}.dcm'
            path, decoded = os.path.join(m.folder, name), os.path.join(m.scratch, 'back.dcm')
            words = [source, path] if tool != 'gdcmconv' else ['-i', source, '-o', path]
            lossy = {'+ee', '+es', '+ep', '+en'} & set(options)
            if run([tool, *options, *words]) or lossy and run([back, path, decoded]):
                if os.path.exists(path):
                    os.remove(path)
                continue
            m.want[name] = (pixels_of(decoded) if lossy else a), not lossy


def make_frames(m):
    """The same frames, told in right and wrong ways; by file name, which of them are there."""
    a = np.stack([m.image(12, rows=100, cols=100) for _ in range(4)])
    source = m.native('frames', a, folder=m.scratch, n_frames=4, stored=12)
    path = os.path.join(m.scratch, 'frames_jpeg.dcm')
    if not have('dcmcjpeg', 'no frames in many fragments') or run(['dcmcjpeg', '+e1', source, path]):
        return
    coded = {'4.70': list(generate_pixel_data_frame(pydicom.dcmread(path).PixelData, 4)),
             '5': [rle_of(f) for f in a]}
    for syntax, frames in coded.items():
        parts = [[f[:300], f[300:600], f[600:]] for f in frames]
        odd = [[f[:301], f[301:]] for f in frames]
        split, starts, at = [p for q in parts for p in q], [], 0
        for q in parts:
            starts.append(at)
            at += sum(8 + len(p) for p in q)
        begins = [sum(8 + len(f) for f in frames[:k]) for k in range(4)]
        extended = (struct.pack('<HH2sHI4Q', 0x7fe0, 1, b'OV', 0, 32, *begins) +
                    struct.pack('<HH2sHI4Q', 0x7fe0, 2, b'OV', 0, 32, *map(len, frames)))
        lies = (struct.pack('<HH2sHI4Q', 0x7fe0, 1, b'OV', 0, 32, 1, 2, 3, 1 << 60) +
                struct.pack('<HH2sHI4Q', 0x7fe0, 2, b'OV', 0, 32, 9, 9, 9, 9))
        ways = {
            'plain': (items([b''] + frames), 4, b''), 'table': (items([struct.pack('<4I', *begins)] + frames), 4, b''),
            'split': (items([b''] + split), 4, b''), 'odd': (items([b''] + [p for q in odd for p in q]), 4, b''),
            'split_table': (items([struct.pack('<4I', *starts)] + split), 4, b''),
            'wrong_table': (items([struct.pack('<4I', 0, 6, 12, 18)] + frames), 4, b''),
            'far_table': (items([struct.pack('<4I', 0, 1 << 31, 1 << 30, 3 << 30)] + split), 4, b''),
            'short_table': (items([struct.pack('<3I', *begins[:3])] + frames), 4, b''),
            'extended': (items([b''] + frames), 4, extended), 'extended_lies': (items([b''] + frames), 4, lies),
            'no_end': (items([b''] + frames, False), 4, b''),
            'cut': (items([b''] + frames, False)[:-len(frames[3]) * 2 // 3], 3, b''),
            'one_missing': (items([b''] + frames[:3]), 3, b''),
        }
        for way, (value, there, more) in ways.items():
            name = f'frames_{way}_{syntax}'
            m.add(name, syntax, None, a, want=a[:there], value=value, stored=12, n_frames=4, more=more)
        for n, there in ((2, 2), (6, 4)):
            m.add(f'frames_say_{n}_{syntax}', syntax, None, a, want=a[:there], value=items([b''] + frames), stored=12,
                  n_frames=4, mend=lambda ds, n=n: setattr(ds, 'NumberOfFrames', n))


# ---- what is there ---------------------------------------------------------------------------

def pixels_of(path, handlers=(numpy_handler,)):
    pydicom.config.pixel_data_handlers = list(handlers)
    return pydicom.dcmread(path, force=True).pixel_array


def rgb(a, photometric):
    if photometric.startswith('YBR_FULL') and a.shape[-1] == 3:
        return convert_color_space(a, photometric, 'RGB')
    return a


def check_made(path, want, exact):
    """Frames that are there have their pixels; of those that are not, no byte is read."""
    name = os.path.basename(path)
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    verdict(ds.file_meta.TransferSyntaxUID == EXPLICIT, path, 'is not native')
    n = int(ds.get('NumberOfFrames', 1))
    there = len(want) if n > 1 and want is not None else n
    if there == n:
        got = pixels_of(path)
        if want is None:
            verdict(got.size, path, 'has no pixels')
        elif exact or got.shape != want.shape:
            verdict(got.shape == want.shape and np.array_equal(got, want), name, path, 'has other pixels')
        else:
            off = np.abs(rgb(got, ds.PhotometricInterpretation).astype(int) - want).max()
            verdict(off <= NEAR, path, 'is off by', off)
        return
    frame, length = want[0].nbytes, os.path.getsize(path)
    with open(path, 'rb', buffering=0) as f:
        for k in range(n):
            off, wanted = length - (n - k) * frame, frame
            if k == there - 1:                  # the page that it shares with the next one cannot be read
                wanted -= (off + frame) % PAGE
            try:
                got = os.pread(f.fileno(), wanted, off)
            except OSError:
                got = None
            verdict(got == (want[k].tobytes()[:wanted] if k < there else None), path, 'frame', k + 1)


def by_libjpeg(source):
    """A frame of baseline JPEG as libjpeg takes its colours: the DICOM tools ask its header alone."""
    ds = pydicom.dcmread(source, force=True)
    if ds.file_meta.get('TransferSyntaxUID') != '1.2.840.10008.1.2.4.50' or int(ds.get('NumberOfFrames', 1)) != 1 or \
            ds.SamplesPerPixel != 3 or not shutil.which('djpeg'):
        return None
    stream = next(pydicom.encaps.generate_pixel_data_frame(ds.PixelData, 1))
    r = subprocess.run(['djpeg', '-ppm'], input=stream, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    pixels = r.stdout[-ds.Rows * ds.Columns * 3:]
    return None if r.returncode else np.frombuffer(pixels, np.uint8).reshape(ds.Rows, ds.Columns, 3)


def decoded(source, scratch):
    """What others make of a file: arrays and, where there is one, the file."""
    try:
        pixels = by_libjpeg(source)
        if pixels is not None:
            yield pixels, 'RGB', None
    except Exception:                           # pylint: disable=broad-except
        pass
    try:
        yield (pixels_of(source, (numpy_handler, rle_handler, pillow_handler)),
               pydicom.dcmread(source, force=True).PhotometricInterpretation, None)
    except Exception:                           # pylint: disable=broad-except
        pass                                    # it has its own ways to say no
    out = os.path.join(scratch, 'decoded')
    for tool, words in DECODERS.items():
        if not shutil.which(tool) or run([tool] + [w.replace('{}.out', out).replace('{}', source) for w in words]):
            continue
        try:
            yield pixels_of(out), pydicom.dcmread(out, force=True).PhotometricInterpretation, out
        except Exception:                       # pylint: disable=broad-except
            pass


def check_package_file(source, path, scratch):
    """The pixels that some other decoder gets, if any gets some."""
    best = None
    try:
        got = pixels_of(path)
    except Exception as e:                      # pylint: disable=broad-except
        verdict(False, path, type(e).__name__, e)
        return
    photometric = pydicom.dcmread(path, stop_before_pixels=True, force=True).PhotometricInterpretation
    for want, theirs, _ in decoded(source, scratch):
        if want.shape == got.shape:
            off = 0 if np.array_equal(got, want) else np.abs(
                rgb(got, photometric).astype(float) - rgb(want, theirs)).max()
            best = off if best is None else min(best, off)
        if best == 0:
            break
    verdict(best is None or best <= NEAR, path, 'is off by', best)


def opens(tool, path, scratch):
    out = os.path.join(scratch, tool)
    return run([tool] + [w.replace('{}.out', out).replace('{}', path) for w in READERS[tool]]) == 0


def check_readers(jobs, scratch):
    """Whoever reads the source, or what another tool decompresses it to, reads ours."""
    tools = [t for t in READERS if have(t, 'native/ is not read by it')]

    def one(job):
        source, path = job
        with tempfile.TemporaryDirectory(dir=scratch) as own:
            bad = [t for t in tools if not opens(t, path, own)]
            bad = [t for t in bad if opens(t, source, own) or is_read_decompressed(t, source, own)]
        return bad, path

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for bad, path in pool.map(one, jobs):
            verdict(not bad, path, 'is not read by', bad)


def is_read_decompressed(tool, source, scratch):
    for other, words in DECODERS.items():
        out = os.path.join(scratch, 'other')
        if other == 'gdcmconv' or not shutil.which(other):             # it mends headers as well
            continue
        if not run([other] + [w.replace('{}.out', out).replace('{}', source) for w in words]):
            return opens(tool, out, scratch)
    return False


def kind_of(row, source):
    """What a reader of native/ could tell apart; the codec is not seen there."""
    ds = pydicom.dcmread(source, stop_before_pixels=True, force=True)
    syntax = row['transfer_syntax_uid']
    return (syntax if not syntax.startswith((SYNTAX + '4', SYNTAX + '5', SYNTAX + '8')) else 'encapsulated',
            ds.get('BitsAllocated'), ds.get('BitsStored'), ds.get('PixelRepresentation'),
            ds.get('PhotometricInterpretation'), ds.get('NumberOfFrames', 1) != 1, 'PixelSpacing' in ds)


def instances(mnt):
    with open(mnt + '/.dcmfs/instances.tsv', encoding='utf-8') as f:
        for row in csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE):
            if int(row['rows'] or 0):
                yield row, f'{mnt}/dicom/{row["path"]}.dcm', f'{mnt}/native/{row["path"]}.dcm'


def check_told(made, mnt):
    """What no picture is made of is in problems.tsv, when somebody asked for it."""
    for p in glob.glob(mnt + '/nii/P/*/*.nii'):
        try:
            read(p)
        except OSError:
            pass
    problems = read(mnt + '/.dcmfs/problems.tsv').decode()
    for syntax in ('4.70', '5') if 'frames_plain_5.dcm' in made.want else ():
        verdict(f'frames_say_2_{syntax}.dcm\t' in problems, 'frames beyond the header are not told')
    for name in ('CMYK', 'ARGB', 'HSV'):
        verdict(f'samples a pixel, photometric interpretation {name}' in problems, name, 'is not told')


def check_all(made, mnt, scratch):
    jobs, seen = [], set()
    for row, source, path in instances(mnt):
        name = os.path.basename(row['source'])
        if name in made.want:
            try:
                check_made(path, *made.want[name])
            except Exception as e:              # pylint: disable=broad-except
                verdict(False, name, path, type(e).__name__, e)
            if made.want[name][0] is not None and len(made.want[name][0]) < 4 and 'frames_' in name:
                continue
        elif name not in BROKEN:
            check_package_file(source, path, scratch)
        else:
            continue
        kind = kind_of(row, source)
        if kind not in seen:
            jobs.append((source, path))
        seen.add(kind)
    check_readers(jobs, scratch)


def package_files(folder):
    os.makedirs(folder)
    top = os.path.join(os.path.dirname(pydicom.__file__), 'data', 'test_files')
    found = glob.glob(top + '/*.dcm') + glob.glob(top + '/dicomdirtests/*/*/*')[::4]
    found += glob.glob('/usr/lib/python3/dist-packages/nibabel/nicom/tests/data/*.dcm')
    for i, p in enumerate(found):
        if os.path.isfile(p):
            os.makedirs(os.path.join(folder, str(i)))
            shutil.copy(p, os.path.join(folder, str(i)))


def check_case(_, __, mnt):
    """The readers alone, of each file."""
    with tempfile.TemporaryDirectory() as scratch:
        check_readers([(source, path) for row, source, path in instances(mnt)
                       if os.path.basename(row['source']) not in BROKEN], scratch)


def main():
    if os.environ.get('EVERY'):
        return each_case(check_case)
    with tempfile.TemporaryDirectory(prefix='dcmfs-real-') as top:
        folder, scratch = (os.path.join(top, x) for x in ('source', 'scratch'))
        os.makedirs(folder + '/made')
        made = Maker(folder + '/made')
        made.scratch, scratch = scratch, scratch + '/read'
        os.makedirs(scratch)
        package_files(folder + '/packages')
        for make in (make_bits, make_words, make_with_pnm_tools, make_with_dicom_tools, make_frames):
            make(made)
        with mounted(folder) as mnt:
            check_all(made, mnt, scratch)
            check_told(made, mnt)
    return finish()


if __name__ == '__main__':
    sys.exit(main())
