"""Labels as Parquet."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from trimtab_serving.trail import arrays
from trimtab_serving.trail.labels import Label
from trimtab_serving.trail.rows import WORD, microseconds
from trimtab_serving.trail.upload import Place, parquet


def put(place: Place, labels: Sequence[Label], sequence: int) -> None:
    """Write them to the store, or raise StoreError."""
    received = labels[0].received_at
    place.store.put(place.layout.label_file(place.deployment, received, place.pod, sequence), parquet(table(labels, place.pod)))


def table(labels: Sequence[Label], source: str) -> pa.Table:
    columns = {
        "request_id": arrays.text([each.request_id for each in labels]),
        "row": arrays.numbers(np.array([each.row for each in labels], dtype=np.int32), pa.int32()),
        "label": arrays.text([each.label for each in labels]),
        "label_time": arrays.times([microseconds(each.label_time) for each in labels]),
        "received_at": arrays.times([microseconds(each.received_at) for each in labels]),
        "source": arrays.repeated(source, len(labels), WORD),
    }
    return pa.table(columns)
