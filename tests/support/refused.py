"""Manifests that nobody may apply, each with words of the sentence that refuses it; and the shortest of each kind that anybody may."""

from typing import Any

SHA = "0" * 64

DATASET = {"source": {"uri": "s3://lake/flights/"}, "label": "late"}
TRAINING_JOB = {"dataset": "flights"}
MODEL_VERSION = {"model": "flights", "version": 7, "artifact": {"uri": "s3://lake/models/flights/abc/", "manifestDigest": SHA, "format": "onnx"}}
DEPLOYMENT = {"model": "flights"}
FEATURE_SET = {"entities": ["origin"], "timestamp": "time_hour", "source": {"uri": "s3://lake/weather/"}}
DRIFT_MONITOR = {"deployment": "flights"}
MINIMAL = {
    "FeatureSet": FEATURE_SET,
    "Dataset": DATASET,
    "TrainingJob": TRAINING_JOB,
    "ModelVersion": MODEL_VERSION,
    "Deployment": DEPLOYMENT,
    "DriftMonitor": DRIFT_MONITOR,
}


def triggered(**trigger: Any) -> dict[str, Any]:
    return DRIFT_MONITOR | {"triggers": [{"name": "it", **trigger}]}


def default_name(kind: str) -> str:
    return "flights-v7" if kind == "ModelVersion" else "flights"


W5, W50 = {"weight": 5, "duration": "2m"}, {"weight": 50, "duration": "2m"}


def steps(*of: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return DEPLOYMENT | {"rollout": {"steps": list(of)} | rest}


REFUSED = {
    "a delay that outlasts validity": ("FeatureSet", FEATURE_SET | {"publishDelay": "4h", "ttl": "3h"}, "spec.publishDelay is longer than spec.ttl"),
    "a negative ttl": ("FeatureSet", FEATURE_SET | {"ttl": "-1h"}, "spec.ttl is negative; write how long a value stays valid"),
    "a value known before its event": ("FeatureSet", FEATURE_SET | {"publishDelay": "-1h"}, "spec.publishDelay is negative; a value cannot be known before"),
    "features about nothing": ("FeatureSet", FEATURE_SET | {"entities": []}, "spec.entities in body should have at least 1 items"),
    "the time as a key": ("FeatureSet", FEATURE_SET | {"entities": ["time_hour"]}, "spec.entities names the timestamp"),
    "two transforms": (
        "FeatureSet",
        FEATURE_SET | {"transform": {"sql": "SELECT 1", "python": {"configMap": {"name": "c", "key": "k"}}}},
        "give exactly one of `sql` and `python`",
    ),
    "a split that adds up to 110": ("Dataset", DATASET | {"split": {"train": 80}}, "spec.split: train, validation and test must add up to 100"),
    "a group split without its column": ("Dataset", DATASET | {"split": {"method": "group"}}, "method `group` needs `column`"),
    "a time split without a timestamp": ("Dataset", DATASET | {"split": {"method": "time"}}, "method `time` needs spec.timestamp"),
    "an excluded label": ("Dataset", DATASET | {"exclude": ["late"]}, "spec.exclude names the label"),
    "a uri that is no object store's": ("Dataset", DATASET | {"source": {"uri": "/data/flights.csv"}}, "spec.source.uri: Invalid value"),
    "a source that is nowhere": ("Dataset", DATASET | {"source": {}}, "spec.source: give `uri`, `predictions` or both"),
    "a format of no files": ("Dataset", DATASET | {"source": {"predictions": "flights", "format": "csv"}}, "`format` is that of the files under `uri`"),
    "an unquoted y as the label": ("Dataset", DATASET | {"label": True}, 'spec.label in body must be of type string: "boolean"'),
    "a negative seed": ("TrainingJob", TRAINING_JOB | {"seed": -1}, "spec.seed in body should be greater than or equal to 0"),
    "an unknown task": ("Dataset", DATASET | {"task": "clustering"}, 'supported values: "classification", "regression"'),
    "a rule about nothing": ("Dataset", DATASET | {"validation": [{"name": "r"}]}, "exactly one of `column`, `rows` and `sql`"),
    "a rule with sql and no answer": ("Dataset", DATASET | {"validation": [{"name": "r", "sql": "SELECT 1"}]}, "with `sql` needs `expect`"),
    "a column beside a split that has no use for it": ("Dataset", DATASET | {"split": {"column": "carrier"}}, "`column` belongs to method `group`"),
    "a rule on a column without a bound": (
        "Dataset",
        DATASET | {"validation": [{"name": "r", "column": "hour"}]},
        "needs `min`, `max`, `allowed`, `unique` or",
    ),
    "a bound on no column": ("Dataset", DATASET | {"validation": [{"name": "r", "rows": {"min": 1}, "max": 3}]}, "and only such a rule has them"),
    "a schedule of four fields": ("Dataset", DATASET | {"refresh": {"schedule": "* * * *"}}, "spec.refresh.schedule: Invalid value"),
    "an estimator and a pipeline": (
        "TrainingJob",
        TRAINING_JOB | {"trainer": {"estimator": "sklearn.svm.SVC", "pipeline": [{"estimator": "sklearn.svm.SVC"}]}},
        "spec.trainer: give exactly one of `estimator`, `pipeline` and `python`",
    ),
    "parameters without their estimator": (
        "TrainingJob",
        TRAINING_JOB | {"trainer": {"pipeline": [{"estimator": "sklearn.svm.SVC"}], "parameters": {"C": 1}}},
        "spec.trainer.parameters belong to `estimator`",
    ),
    "an estimator that is no import path": ("TrainingJob", TRAINING_JOB | {"trainer": {"estimator": "SVC"}}, "spec.trainer.estimator: Invalid value"),
    "a gate without a bound": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill"}]}},
        "needs `min`, `max` or `notWorseThan`",
    ),
    "a gap with a bound beside it": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "maxGap": {"metric": "skill", "value": 0.1}, "min": 0}]}},
        "a gate with `maxGap` has no `min`",
    ),
    "a gap between a split and itself": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "maxGap": {"metric": "skill", "value": 0.1, "between": ["test", "test"]}}]}},
        "name two different splits",
    ),
    "a comparison on every slice at once": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill", "slice": {"column": "carrier"}, "notWorseThan": {"simpleModel": True}}]}},
        "compares on one slice: give `slice.value`",
    ),
    "a comparison with no model": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill", "notWorseThan": {"simpleModel": False}}]}},
        "compares with nothing",
    ),
    "follow beside version": ("Deployment", DEPLOYMENT | {"follow": "Passed", "version": 7}, "spec: give either `follow` or `version`"),
    "steps that do not increase": ("Deployment", steps(W50, W5), "each weight must be larger than the one before it"),
    "a weight twice": ("Deployment", steps(W50, {"pause": {}}, W50), "each weight must be larger than the one before it"),
    "a weight of nothing": ("Deployment", steps({"weight": 0, "duration": "1m"}), "should be greater than or equal to 1"),
    "a weight above all": ("Deployment", steps({"weight": 101, "duration": "1m"}), "should be less than or equal to 100"),
    "no step": ("Deployment", steps(), "should have at least 1 items"),
    "more than twenty steps": ("Deployment", steps(*({"weight": n, "duration": "1m"} for n in range(1, 22))), "must have at most 20 items"),
    "a step that is neither": ("Deployment", steps({"duration": "1m"}), "give each step either `weight` and `duration`, or `pause`"),
    "a step that is both": ("Deployment", steps(W5 | {"pause": {}}), "give each step either `weight` and `duration`, or `pause`"),
    "a weight for ever": ("Deployment", steps({"weight": 5}), "`weight` and `duration` go together"),
    "a pause with a duration beside it": ("Deployment", steps({"pause": {}, "duration": "1m"}), "`weight` and `duration` go together"),
    "a duration in days": ("Deployment", steps({"weight": 5, "duration": "1d"}), "duration: Invalid value"),
    "looks without a pause between them": ("Deployment", steps(W5, analysis={"interval": "10ms"}), "one second is the shortest"),
    "a latency below stable's": ("Deployment", steps(W5, analysis={"maxLatencyRatioPercent": 90}), "should be greater than or equal to 100"),
    "a header that is none": ("Deployment", DEPLOYMENT | {"sticky": {"header": "X User"}}, "spec.sticky.header: Invalid value"),
    "a shadow of nothing": ("Deployment", DEPLOYMENT | {"shadow": {"version": 7, "percent": 0}}, "should be greater than or equal to 1"),
    "fewer than no replicas": ("Deployment", DEPLOYMENT | {"replicas": -1}, "should be greater than or equal to 0"),
    "an artifact nobody can verify": (
        "ModelVersion",
        MODEL_VERSION | {"artifact": {"uri": "s3://lake/m.onnx", "format": "onnx"}},
        "spec.artifact: give `sha256` of the file for a model you bring",
    ),
    "a pickle": ("ModelVersion", MODEL_VERSION | {"artifact": MODEL_VERSION["artifact"] | {"format": "pickle"}}, 'supported values: "onnx", "skops"'),
    "an approval nobody signed": ("ModelVersion", MODEL_VERSION | {"approval": "Approved"}, "spec.approvedBy must be your own user name"),
    "a window of an hour and a half": ("DriftMonitor", DRIFT_MONITOR | {"window": {"duration": "90m"}}, "spec.window.duration: give whole hours"),
    "three drifted windows of two": (
        "DriftMonitor",
        DRIFT_MONITOR | {"tests": {"consecutive": {"k": 3, "of": 2}}},
        "spec.tests.consecutive: k is larger than of",
    ),
    "a schedule without one": ("DriftMonitor", triggered(type="Schedule"), "a Schedule trigger needs `schedule`"),
    "a query without a bound": ("DriftMonitor", triggered(type="Prometheus", query="up"), "needs `query` and exactly one of `above` and `below`"),
    "a query with two bounds": ("DriftMonitor", triggered(type="Prometheus", query="up", above=1, below=0), "exactly one of `above` and `below`"),
    "patience without a query": ("DriftMonitor", triggered(type="Drift", **{"for": "5m"}), "`query`, `above`, `below` and `for` belong to type Prometheus"),
    "a percentage of drift": ("DriftMonitor", triggered(type="Drift", percent=5), "`schedule` belongs to type Schedule, `percent` to type NewData"),
    "two triggers of one name": (
        "DriftMonitor",
        DRIFT_MONITOR | {"triggers": [{"name": "one", "type": "Drift"}, {"name": "one", "type": "Performance"}]},
        "spec.triggers: two triggers have the same name",
    ),
    "a schedule of alerts": ("DriftMonitor", triggered(type="Schedule", schedule="0 3 * * 1"), "a Schedule says when to retrain"),
    "going back for new data": (
        "DriftMonitor",
        triggered(type="NewData") | {"onTrigger": {"action": "Rollback"}},
        "new data are no reason to go back",
    ),
    "a retraining of nobody": ("DriftMonitor", DRIFT_MONITOR | {"onTrigger": {"action": "Retrain"}}, "spec.onTrigger: Retrain needs `trainingJob`"),
    "a retraining by default of nobody": ("DriftMonitor", DRIFT_MONITOR | {"onTrigger": {"cooldown": "1h"}}, "spec.onTrigger: Retrain needs `trainingJob`"),
    "deprecation without a floor": (
        "DriftMonitor",
        DRIFT_MONITOR | {"onTrigger": {"trainingJob": "flights", "onNoGain": "Deprecate"}},
        "Deprecate needs spec.performance.floor",
    ),
    "a misspelt field": ("TrainingJob", TRAINING_JOB | {"datasetversion": 4}, 'unknown field "spec.datasetversion"'),
    "no label": ("Dataset", {"source": DATASET["source"]}, "spec.label: Required value"),
}


NAMES_REFUSED = {
    "a name of 60 characters": ("Dataset", "n" * 60, "metadata.name: Too long: may not be more than 52"),
    "a name with a dot": ("Dataset", "flights.v2", "use small letters, digits and dashes"),
    "a TrainingJob whose name is too long for a model": ("TrainingJob", "n" * 45, "at most 44 characters"),
    "a Deployment that begins with a digit": ("Deployment", "7flights", "must begin with a letter"),
    "a version under another number": ("ModelVersion", "flights-v8", "must be <spec.model>-v<spec.version>"),
    "a version under another model": ("ModelVersion", "trains-v7", "must be <spec.model>-v<spec.version>"),
    "a version with a leading zero": ("ModelVersion", "flights-v07", "must be <spec.model>-v<spec.version>"),
}
