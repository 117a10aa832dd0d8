"""Checks that TensorBoard reads Weft's event files, resumed runs and text included.

    python3 tests/interop/check_tensorboard.py build/release/tests/weft_report_tests

Needs the package `tensorboard` (python3 -m venv V && V/bin/pip install tensorboard; then run this with
V/bin/python). Not part of scripts/test, which needs no Python packages and no network.
"""

import math
import os
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator


def write_run(program, folder):
    subprocess.run(
        [program, "--gtest_filter=EventFileForTensorboard.*"],
        env={**os.environ, "WEFT_EVENT_FOLDER": folder},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def check(condition, what):
    print("ok  " if condition else "FAIL", what)
    if not condition:
        sys.exit(1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        write_run(sys.argv[1], folder)
        check(len(os.listdir(folder)) == 2, "the resumed run has two files")
        run = event_accumulator.EventAccumulator(folder, size_guidance={event_accumulator.TENSORS: 0})
        run.Reload()
        tags = run.Tags()
        scalars = set(tags["scalars"]) | {t for t in tags["tensors"] if "text_summary" not in t}
        check(scalars == {"train/loss", "eval/loss"}, f"scalar tags: {sorted(scalars)}")
        points = [(e.step, float(value_of(e))) for e in events(run, "train/loss")]
        check([step for step, _ in points] == [*range(1, 61), 60], "every step once, later ones replaced")
        check(all(abs(v - 8 / s) < 1e-6 for s, v in points[:30]), "values before the resume")
        check(all(v == 1000 + s for s, v in points[30:60]), "values after the resume")
        check(math.isnan(points[60][1]), "NaN is kept")
        check(text(run, "samples") == "    Once upon\n    a *time*", "text")
        check(text(run, "warnings") == "    # loss is <NaN>", "warning")
        plugin = run.SummaryMetadata("samples/text_summary").plugin_data.plugin_name
        check(plugin == "text", "text belongs to the text plugin")


def events(run, tag):
    return run.Scalars(tag) if tag in run.Tags()["scalars"] else run.Tensors(tag)


def value_of(event):
    return event.value if hasattr(event, "value") else event.tensor_proto.float_val[0]


def text(run, tag):
    return run.Tensors(tag + "/text_summary")[0].tensor_proto.string_val[0].decode("utf-8")


if __name__ == "__main__":
    main()
