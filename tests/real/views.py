#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""json/, edited/ and by/ over the test files that python3-pydicom brings, as others read them, and what is done
with a header in class, step by step with a shell and python3-nibabel.

  json    strict parsers load every file, pydicom makes the data set of it again, dcm2json says the same
  edited  no value that the profile takes away is found below a de-identified mount, names included; dciodvfy has
          nothing new to say; pixel bytes are the source's; one UID becomes one UID everywhere
  steps   print a header, pick a tag, group, sort, list keywords; set, delete, rename persons, drop private tags,
          save; NIfTI, MetaImage, Analyze and MINC opened
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from real import files_under, finish, mounted, verdict  # noqa: E402

try:
    import nibabel
    import pydicom
except ImportError:
    print('SKIP  real/views: python3-pydicom and python3-nibabel are not both installed')
    sys.exit(0)

warnings.simplefilter('ignore')
DATA = os.path.join(os.path.dirname(pydicom.__file__), 'data', 'test_files')
PROFILE = os.path.join(os.path.dirname(__file__), '../../src/format/deid_table.c')
TEXTS = {'AE', 'AS', 'CS', 'DA', 'DT', 'LO', 'LT', 'PN', 'SH', 'ST', 'TM', 'UC', 'UI', 'UT'}
BIG_ENDIAN = '1.2.840.10008.1.2.2'
BAD_NUMBER = {'badVR'}                             # a source whose IS is none: pydicom refuses what it says
OURS = {'19000101', 'ANON', '000Y', '000000'}     # dummies that a source may have as well
LEAST = 4                                          # characters of a value that is looked for

def dicom(path):
    try:
        ds = pydicom.dcmread(path, force=True)
        list(ds.iterall())
        return ds
    except Exception:                             # pylint: disable=broad-except
        return None                               # damaged on purpose


# ---- json ----------------------------------------------------------------------------------

def no_constants(name):
    raise ValueError(f'{name} is no JSON')


def plain(v):
    """What two writers may say differently: numbers as strings, names' trailing blanks, bulk data."""
    if isinstance(v, dict):
        if 'vr' in v:
            if 'InlineBinary' in v or 'BulkDataURI' in v:
                return v['vr'], 'bulk'
            values = [plain(x) for x in v.get('Value', [])]
            return v['vr'], [x for x in values if x not in (None, '', {})]
        return {k: plain(x) for k, x in v.items() if plain(x) != ''}
    try:
        return float(f'{float(v):.5g}')           # dcm2json writes FL with fewer digits
    except (TypeError, ValueError):
        return v.strip(' ^') if isinstance(v, str) else v


def compare_json(ours, path):
    r = subprocess.run(['dcm2json', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    try:
        theirs = json.loads(r.stdout)
    except ValueError:
        return                                    # it refuses the file, or writes what is no JSON
    other = []
    for tag in sorted(set(ours) & set(theirs)):
        if tag != '00080005' and ours[tag]['vr'] == theirs[tag]['vr'] and plain(ours[tag]) != plain(theirs[tag]):
            other.append(tag)
    verdict(not other, path, 'dcm2json says otherwise of', other[:5])


def check_json(mnt):
    for p in files_under(mnt + '/json', '.json'):
        path = p.replace('/json/', '/dicom/')[:-5] + '.dcm'
        with open(p, encoding='utf-8') as f:
            text = f.read()
        try:
            model = json.loads(text, parse_constant=no_constants)
            verdict(list(model) == sorted(model), p, 'keys do not ascend')
        except ValueError as e:
            verdict(False, p, e)
            continue
        if dicom(path) is None or os.path.basename(p)[:-5] in BAD_NUMBER:
            continue
        try:
            again = pydicom.Dataset.from_json(model, lambda uri: b'')
            verdict(len(again) == len(model), p, 'not all read back')
        except Exception as e:                    # pylint: disable=broad-except
            verdict(False, p, 'from_json:', type(e).__name__, e)
        if shutil.which('dcm2json'):
            compare_json(model, path)


# ---- edited --------------------------------------------------------------------------------

def removed_tags():
    """Of the profile's table: tags whose values must not be seen again."""
    rows = re.findall(r'\{ 0x(\w+), 0x(\w+), DEID_(\w+),', open(PROFILE, encoding='utf-8').read())
    return {int(tag, 16) for tag, mask, action in rows if mask == 'FFFFFFFF' and action != 'ITEMS'}


def values_of(ds, tags):
    for e in ds.iterall():
        if int(e.tag) not in tags or e.VR not in TEXTS:
            continue
        for v in e.value if isinstance(e.value, (list, pydicom.multival.MultiValue)) else [e.value]:
            v = str(v).strip()
            if len(v) >= LEAST and not v.startswith('1.2.840.10008.') and v.strip('0. ') and v not in OURS:
                yield v, e.keyword


def leaks(mnt, values):
    """What of the values is found in names and text files; volumes and pictures have pixels alone."""
    with tempfile.NamedTemporaryFile('w', suffix='.txt', encoding='utf-8') as pattern:
        pattern.write('\n'.join(values) + '\n')
        pattern.flush()
        script = ('cd "$1" && { find . -path ./edited/by -prune -o -print; for v in dicom headers json native; do '
                  'grep -rhaoFf "$2" "edited/$v" 2>&-; done; find edited/nii edited/png -name "*.json" -o -name "*.html" '
                  '| tr "\\n" "\\0" | xargs -0 cat; } | grep -aoFf "$2" | sort | uniq -c | sort -rn')
        out = subprocess.run(['sh', '-c', script, 'sh', mnt, pattern.name], stdout=subprocess.PIPE,
                             env=dict(os.environ, LC_ALL='C'), check=False).stdout
    return [line.split(None, 1)[1] for line in out.decode(errors='replace').splitlines()]


def complaints(path):
    r = subprocess.run(['dciodvfy', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = (x for x in r.stdout.decode(errors='replace').splitlines() if x.startswith('Error'))
    return {re.sub(r'<[^<>]*>|\d+(\.\d+)*', '', x) for x in lines}


def pixels(ds):
    return [bytes(e.value) for e in ds if e.tag.group == 0x7fe0 and isinstance(e.value, bytes)]


def same_pixels(old, new):
    """But for what is behind the last frame, which is cut off, and comments in frames, which are blank."""
    a, b = pixels(old), pixels(new)
    if a == b or len(a) != 1 or len(b) != 1 or not str(old.get('NumberOfFrames', 1)).isdigit():
        return a == b
    if len(a[0]) == len(b[0]):
        changed = [y for x, y in zip(a[0], b[0]) if x != y]
        return not any(changed) and len(changed) < 200
    frames = old.Rows * old.Columns * old.SamplesPerPixel * old.BitsAllocated * int(old.get('NumberOfFrames', 1)) // 8
    return len(b[0]) == frames and a[0].startswith(b[0])


def check_edited(name, source):
    scratch = tempfile.mkdtemp(prefix='dcmfs-real-')
    shutil.copy(source, os.path.join(scratch, 'file'))
    old = dicom(source)
    try:
        with mounted(scratch, 'deidentify=only') as mnt:
            verdict(sorted(os.listdir(mnt)) == ['README.txt', 'edited'], name, 'shows', os.listdir(mnt))
            found = list(files_under(mnt + '/edited/dicom', '.dcm'))
            verdict(len(found) == 1, name, len(found), 'files')
            new = dicom(found[0]) if found else None
            if not new:
                return
            verdict(new.get('PatientIdentityRemoved') == 'YES', name, 'does not say that it is de-identified')
            verdict(not [e for e in new.iterall() if e.tag.is_private], name, 'has private elements')
            if old.file_meta.get('TransferSyntaxUID') != BIG_ENDIAN:      # its words are turned
                verdict(same_pixels(old, new), name, 'pixels differ')
            values = dict(values_of(old, removed_tags()))
            kept = {str(v) for e in new.iterall() if e.VR == 'CS'
                    for v in (e.value if isinstance(e.value, pydicom.multival.MultiValue) else [e.value])}
            for v in leaks(mnt, [v for v in values if v not in kept]) if values else []:
                verdict(re.fullmatch(r'[0-9.]{4,6}', v), name, repr(v), 'of', values.get(v), 'is found')
            if shutil.which('dciodvfy') and name not in UNREAD:
                more = complaints(found[0]) - complaints(source)
                verdict(not more, name, 'dciodvfy:', sorted(more))
    finally:
        shutil.rmtree(scratch)


# Sources that dciodvfy cannot read to their end or has no object for, so that it sees more of what we make of them.
UNREAD = {'rtplan_truncated.dcm', 'image_dfl.dcm', 'UN_sequence.dcm', 'MR_truncated.dcm', 'empty_charset_LEI.dcm',
          'meta_missing_tsyntax.dcm', 'nested_priv_SQ.dcm'}


def check_all_edited():
    for p in files_under(DATA):
        with open(p, 'rb') as f:
            head = f.read(1024)
        if head[128:132] == b'DICM' and b'1.2.840.10008.1.3.10' not in head:
            if dicom(p) is not None and os.path.getsize(p) < 300000:
                check_edited(os.path.basename(p), p)


def check_consistency():
    """Files of one series stay one series, and the same key makes the same names."""
    trees = []
    with tempfile.NamedTemporaryFile('w') as key:
        key.write('secret')
        key.flush()
        for _ in range(2):
            with mounted(os.path.join(DATA, 'dicomdirtests'), 'deidentify', f'key={key.name}') as mnt:
                trees.append([os.path.relpath(p, mnt) for p in files_under(mnt + '/edited/dicom')])
                plain_n = collections.Counter(
                    os.path.dirname(p) for p in files_under(mnt + '/dicom', '.dcm')).values()
                edited_n = collections.Counter(
                    os.path.dirname(p) for p in files_under(mnt + '/edited/dicom', '.dcm')).values()
                verdict(sorted(plain_n) == sorted(edited_n), 'series fall apart', sorted(plain_n), sorted(edited_n))
    verdict(trees[0] == trees[1], 'two mounts with one key differ')


# ---- in class ------------------------------------------------------------------------------

def sh(mnt, script):
    r = subprocess.run(['sh', '-ec', script], cwd=mnt, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return r.stdout.decode(errors='replace')


def check_steps():
    series = os.path.join(DATA, 'dicomdirtests', '98892003')
    with tempfile.TemporaryDirectory() as scratch:
        rules = os.path.join(scratch, 'rules')
        with open(rules, 'w', encoding='utf-8') as f:
            f.write('replace VR:PN Nobody\nset StudyDescription in class\ndelete PatientBirthDate\ndelete private\n')
        with mounted(series, f'edit={rules}') as mnt:
            first = sh(mnt, 'find headers -name "*.txt" -path "*/*/*/*/*" | sort | head -1').strip()
            verdict('CS Modality = MR' in sh(mnt, f'cat "{first}"'), 'print a header')
            verdict(sh(mnt, f'grep "^(0018,0081)" "{first}"').startswith('(0018,0081) DS EchoTime = '), 'pick a tag')
            verdict(sh(mnt, f'cut -c2-5 "{first}" | sort | uniq -c').count('\n') >= 6, 'group elements')
            keywords = sh(mnt, 'ls by').split()
            verdict('Modality' in keywords and len(keywords) >= 40, 'list keywords')
            verdict(sh(mnt, 'ls by/Modality') == 'MR\n', 'values of a keyword')
            verdict(sh(mnt, 'ls by/Modality/MR/by/Rows'), 'narrow down')
            numbers = [float(x) for x in sh(mnt, 'ls -U by/InstanceNumber').split()]
            verdict(len(numbers) > 3 and numbers == sorted(numbers), 'numbers are not sorted', numbers)
            edited = sh(mnt, 'find edited/headers -name "*.txt" -path "*/*/*/*/*/*" | sort | head -1').strip()
            text = sh(mnt, f'cat "{edited}"')
            verdict('LO StudyDescription = in class' in text, 'modify')
            verdict('PatientBirthDate' not in text, 'delete')
            verdict('PN PatientName = Nobody' in text, 'anonymize persons')
            verdict(not re.search(r'^\([0-9a-f]{3}[13579bdf],', text, re.M), 'remove private tags')
            sh(mnt, f'cp "$(find edited/dicom -name "*.dcm" | sort | head -1)" {scratch}/saved.dcm')
            verdict(str(dicom(scratch + '/saved.dcm').PatientName) == 'Nobody', 'save')
            check_formats(mnt)


def check_formats(mnt):
    for p in files_under(mnt + '/nii', '.nii'):
        nii = nibabel.load(p)
        verdict(nii.affine.shape == (4, 4) and nii.shape[0] > 1, p, 'header and affine')
        data = nii.get_fdata()
        stem = p[len(mnt) + 5:-4]
        verdict(nibabel.load(f'{mnt}/analyze/{stem}.hdr').get_fdata().size == data.size, stem, 'HDR/IMG')
        verdict(nibabel.load(f'{mnt}/minc/{stem}.mnc').get_fdata().size == data.size, stem, 'MNC')
        with open(f'{mnt}/mha/{stem}.mha', 'rb') as f:
            head = f.read(2000)
        verdict(b'ObjectType = Image' in head and b'ElementDataFile = LOCAL' in head, stem, 'META')


def main():
    with mounted(DATA) as mnt:
        check_json(mnt)
    check_all_edited()
    check_consistency()
    check_steps()
    return finish()


if __name__ == '__main__':
    sys.exit(main())
