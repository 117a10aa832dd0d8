"""Says of every file FOLDER/N.safetensors whether the reference implementation opens it: one line
"N accept" or "N refuse REASON" each, to FOLDER/verdicts."""
import sys
from pathlib import Path

import safetensors


def verdict(file):
    try:
        safetensors.deserialize(file.read_bytes())
    except safetensors.SafetensorError as error:
        return 'refuse ' + ascii(str(error))
    return 'accept'


folder = Path(sys.argv[1])
files = sorted(folder.glob('*.safetensors'), key=lambda file: int(file.stem))
(folder / 'verdicts').write_text(''.join(f'{file.stem} {verdict(file)}\n' for file in files))
