"""MLServer and FastAPI as peers of `serving.py`: run by a Python that has them, which are none of our dependencies.

    python3 -m venv /tmp/mlserver && /tmp/mlserver/bin/pip install mlserver==1.7.1 mlserver-sklearn==1.7.1 fastapi "uvloop<0.22"
    MLSERVER_PYTHON=/tmp/mlserver/bin/python python tests/bench/serving.py

    serving_peers.py mlserver <folder> <port>             MLServer's own scikit-learn runtime, as its documentation has it
    serving_peers.py fastapi <folder> <port>              a joblib model behind a pydantic model, as tutorials have it

Both read `model.joblib` of the folder: the versions of scikit-learn must be the same.
"""

import json
import os
import sys
from pathlib import Path


def mlserver(folder: Path, port: int) -> None:
    """One worker process, its default, and no access log."""
    settings = {"http_port": port, "grpc_port": port + 500, "metrics_port": port + 600, "debug": False, "logging_settings": {"version": 1}}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    os.execv(str(Path(sys.executable).with_name("mlserver")), ["mlserver", "start", str(folder)])


def fastapi(folder: Path, port: int) -> None:
    import joblib
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI
    from pydantic import create_model

    model, app = joblib.load(folder / "model.joblib"), FastAPI()
    row = create_model("Row", **dict.fromkeys(model.feature_names_in_, (float, ...)))

    @app.post("/v2/models/m/infer")
    def infer(rows: list[row]) -> dict[str, list]:  # type: ignore[valid-type]
        frame = pd.DataFrame([each.model_dump() for each in rows])
        return {"label": model.predict(frame).tolist(), "probability": model.predict_proba(frame).tolist()}

    uvicorn.run(app, port=port, access_log=False, log_level="error")


if __name__ == "__main__":
    verb, place, where = sys.argv[1:]
    {"mlserver": mlserver, "fastapi": fastapi}[verb](Path(place), int(where))
