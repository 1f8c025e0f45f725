"""Every reason a condition, an Event or a worker's result may carry, each once, with the sentence that explains it.

The reference page's table is generated from here. A sentence says what is wrong and what to do; `{...}` is filled in
by whoever reports it. Reasons of success have a sentence too: `kubectl describe` reads as a story.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Names are UpperCamelCase words, as Kubernetes wants them; the comment is the generated documentation."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    def say(self, **facts: object) -> str:
        """The sentence with its blanks filled in."""
        return self.sentence.format(**facts)

    # every kind
    READY = "Ready", "{what} is ready."
    PROGRESSING = "Progressing", "{what}."
    PAUSED = "Paused", "Paused by the annotation trimtab.dev/paused; remove it to go on."
    SUSPENDED = "Suspended", "Suspended by {field}; set it to false to go on."
    STORE_NOT_CONFIGURED = (
        "StoreNotConfigured",
        "Secret trimtab-store is missing in namespace {namespace}, or lacks a key: make it with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3 and TRIMTAB_BUCKET, or list the namespace in the chart's `tenants`.",
    )
    STORE_UNREACHABLE = "StoreUnreachable", "The object store does not answer: {detail} It is tried again by itself."
    STORE_DENIED = "StoreDenied", "The object store refuses the credentials in Secret trimtab-store: {detail} Correct the Secret; it is tried again by itself."
    BUCKET_MISSING = "BucketMissing", "Bucket {bucket} does not exist; make it, or correct TRIMTAB_BUCKET in Secret trimtab-store or the uri."
    NAME_TAKEN = "NameTaken", "{kind} {name} exists and belongs to {owner}; rename this resource, or delete that {kind}."
    REFUSED = (
        "Refused",
        "The API server refuses {kind} {name}: {detail} Correct what it names in this resource, or what forbids it there; it is tried again by itself.",
    )
    THRASHING = (
        "Thrashing",
        "{kind} {name} was written more than {writes} times within {seconds} s; something else undoes what Trimtab writes. Writing rests for {seconds} s.",
    )
    ANSWER_LOST = "AnswerLost", "The pod of Job {job} ended without an answer ({detail}); the same work is done again."
    INTERRUPTED = "Interrupted", "The pod was told to stop before the work was done; the same work is done again."

    # pods of Jobs and serving, in words
    IMAGE_PULL_FAILED = "ImagePullFailed", "Image {image} cannot be pulled: {detail} Check its name and the node's access to the registry."
    OUT_OF_MEMORY = (
        "OutOfMemory",
        "The container was killed for using more memory than its limit of {limit}{peak}; {advice}.",
    )
    DEADLINE_EXCEEDED = "DeadlineExceeded", "Not finished after {seconds} s; {advice}."
    EVICTED = "Evicted", "The pod was evicted: {detail} It is tried again by itself."
    UNSCHEDULABLE = "Unschedulable", "No node takes the pod: {detail}"
    QUEUED = "Queued", "Job {job} waits for admission by its queue {queue}."
    CONFIG_ERROR = "ConfigError", "The container cannot be made: {detail}"
    CRASHED = "Crashed", "The container ended with exit code {code}: {detail}"
    SERVICE_ACCOUNT_MISSING = (
        "ServiceAccountMissing",
        "ServiceAccount trimtab-worker is missing in namespace {namespace}: make it, or list the namespace in the chart's `tenants`.",
    )

    # Dataset
    NO_OBJECTS = "NoObjects", "There are no {format} objects under {uri}; put files there, or correct spec.source.uri."
    SOURCE_UNREADABLE = "SourceUnreadable", "{file} cannot be read: {detail}"
    COLUMN_MISSING = "ColumnMissing", "{field}: there is no column {column}; the columns are {columns}."
    LABEL_CONSTANT = "LabelConstant", "spec.label: column {column} has the one value {value}; there is nothing to learn."
    LABEL_UNUSABLE = "LabelUnusable", "spec.label: {detail}"
    TOO_FEW_ROWS = "TooFewRows", "{rows} labelled rows are too few: {detail}"
    RULE_VIOLATED = "RuleViolated", "{detail}"
    BAD_TIMESTAMP = "BadTimestamp", "spec.timestamp: {detail}"
    BAD_SCHEDULE = "BadSchedule", "spec.refresh.schedule: {detail}; write five fields, for example `*/15 * * * *`."
    CREATED_VERSION = "CreatedVersion", "Version {version} was made: {rows} rows, digest {digest}."
    UNCHANGED = "Unchanged", "Nothing changed since version {version}."
    COLLECTION_FAILED = "CollectionFailed", "Data of versions that left the list could not be deleted from {what}: {detail} {follows}"
    VALID = "Valid", "All {count} validation rules hold."
    VERSION_MISSING = "VersionMissing", "{field}: there is no version {version}; the versions are {versions}."

    # FeatureSet
    TRANSFORM_FAILED = "TransformFailed", "{detail}"
    SCHEMA_VIOLATED = "SchemaViolated", "{detail}"
    SCHEMA_VALID = "SchemaValid", "All {count} columns of spec.schema are as it says."
    FRESH = "Fresh", "The newest event time is {latest}, at most {max_age} ago."
    STALE = "Stale", "The newest event time is {latest}, more than {max_age} ago; put newer data under spec.source.uri, or raise spec.maxAge."
    DUPLICATE_OF = "DuplicateOf", "FeatureSet {name} has the same source, transform and schema; use that one, or delete one of the two."

    # Dataset with features
    FEATURE_SET_MISSING = "FeatureSetMissing", "{field}: there is no FeatureSet {name} in this namespace; create it, or correct the name."
    FEATURE_SET_NOT_READY = "FeatureSetNotReady", "{field}: FeatureSet {name} has no version to join yet: {detail}"
    KEY_TYPES_DIFFER = (
        "KeyTypesDiffer",
        "{field}: FeatureSet {name} is joined by {column}, which is {theirs} there and {ours} here, so that no two would be equal; cast one of them.",
    )
    COLUMN_TAKEN = "ColumnTaken", "{field}: {column} is already a column of the rows; leave it out of `columns`, or rename it in the FeatureSet's transform."

    # TrainingJob
    DATASET_MISSING = "DatasetMissing", "spec.dataset: there is no Dataset {name} in this namespace; create it, or correct the name."
    DATASET_NOT_READY = "DatasetNotReady", "Dataset {name} has no version yet: {detail}"
    CODE_MISSING = "CodeMissing", "{field}.python.configMap: {detail}"
    CODE_CHANGED = "CodeChanged", "The mounted code is not the code this run was started for; the run is started again."
    UNKNOWN_ESTIMATOR = "UnknownEstimator", "{field}: {detail}"
    UNKNOWN_PARAMETER = "UnknownParameter", "{field}: {detail}"
    TRAINING_FAILED = "TrainingFailed", "{detail}"
    UNKNOWN_METRIC = "UnknownMetric", "{field}: {detail}"
    REGISTERED = "Registered", "Registered as {model_version}."
    GATES_FAILED = "GatesFailed", "{model_version} did not pass: {detail}"
    RUN_STARTED = "RunStarted", "Run {key} started on Dataset {dataset} version {version}."
    SUPERSEDED = "Superseded", "The recipe changed while the run was going."
    NOTHING_NEW = "NothingNew", "There is nothing new to learn from: {model_version} was made by this recipe on version {version} of Dataset {dataset}."
    HELD_BACK = "HeldBack", "{what} is held back: {why}."
    RETRAINING_PAUSED = "RetrainingPaused", "{what} is held back: {why}."

    # evaluations
    EVALUATED = "Evaluated", "{detail}"

    # ModelVersion
    VERIFIED = "Verified", "Digest verified; loads in the serving image; {count} golden examples reproduce."
    VERIFYING = "Verifying", "Job {job} verifies the model in the serving image."
    DIGEST_MISMATCH = "DigestMismatch", "{detail} The files were changed after registration: restore them, or delete this version."
    ARTIFACT_UNREACHABLE = "ArtifactUnreachable", "{uri} cannot be read with this namespace's Secret trimtab-store: {detail}"
    ARTIFACT_UNUSABLE = "ArtifactUnusable", "The model does not load in the serving image: {detail}"
    GOLDEN_MISMATCH = "GoldenMismatch", "The model answers differently than in training: {detail}"
    PASSED = "Passed", "{count} gates passed."
    NO_GATES = "NoGates", "A model you brought has no gates; it is served when approved, or when a Deployment names its version."
    NOT_DEPRECATED = "NotDeprecated", "Not deprecated."
    DEPRECATED = "Deprecated", "{detail}"
    APPROVED = "Approved", "Approved by {user}."
    REJECTED = "Rejected", "Rejected by {user}."
    APPROVAL_PENDING = "ApprovalPending", "{name} waits for approval: set spec.approval to Approved and spec.approvedBy to your user name."
    BLOCKED = "Blocked", "{name} is blocked here by annotation {annotation} ({detail}); remove the annotation to try it again."

    # Deployment
    SIGNATURE_INCOMPATIBLE = (
        "SignatureIncompatible",
        "{name} {detail}, unlike {stable}, which clients use now; name it in spec.version to serve it all the same.",
    )
    NO_VERSION = "NoVersion", "Model {model} has no version to serve: {detail}"
    VERSION_NOT_READY = "VersionNotReady", "{name} cannot be served: {detail}"
    SERVING = "Serving", "{name} answers at {url}."
    ROLLING_OUT = "RollingOut", "{name} is starting: {ready} of {wanted} pods are ready."
    SWITCHED = "Switched", "Traffic moved from {old} to {new}."
    STEP_RUNNING = "StepRunning", "{name} answers {percent}% of the requests (step {step} of {steps}): {detail}"
    STEP_PAUSED = (
        "StepPaused",
        "The rollout rests here until the Deployment is annotated with trimtab.dev/promote={version}; trimtab.dev/abort={version} takes the version back.",
    )
    SPLIT_NOT_ACKNOWLEDGED = "SplitNotAcknowledged", "{have} of {wanted} stable pods follow the new weight; the step's time begins when all do."
    COUNTS_MISSING = "CountsMissing", "What stable pods counted is not known: {pods} cannot be read at port 8081; nothing is concluded until then."
    TOO_FEW_REQUESTS = "TooFewRequests", "Fewer than {wanted} {what} at this weight; {forecast}."
    TRAFFIC_SPLIT_MISMATCH = (
        "TrafficSplitMismatch",
        "{mine} of {every} requests went to it where about {expected} were expected; versions that get other shares than they should cannot be compared.",
    )
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded", "Undecided for longer than spec.rollout.progressDeadlineSeconds: {detail}"
    ROLLED_BACK = "RolledBack", "{name} was taken back: {detail}"
    ABORTED = "Aborted", "A person took it back by the annotation trimtab.dev/abort."
    STOPPED = "Stopped", "replicas is 0; nothing is served."
    PODS_NOT_READY = "PodsNotReady", "{ready} of {wanted} pods are ready: {detail}"

    # DriftMonitor
    DEPLOYMENT_MISSING = "DeploymentMissing", "spec.deployment: there is no Deployment {name} in this namespace; create it, or correct the name."
    NOTHING_SERVED = "NothingServed", "Deployment {name} serves no version yet: {detail}"
    TRAINING_JOB_MISSING = (
        "TrainingJobMissing",
        "spec.onTrigger.trainingJob: there is no TrainingJob {name} in this namespace; create it, or correct the name. Until then nothing is retrained.",
    )
    BAD_TRIGGER = "BadTrigger", "spec.triggers, {name}: {detail}"
    PROMETHEUS_UNREACHABLE = "PrometheusUnreachable", "spec.triggers, {name}: {detail} Nothing is retrained meanwhile; it is asked again by itself."
    CLOCK_JUMP = (
        "ClockJump",
        "A request has the event time {moment}, which is more than an hour ahead; the clock stays at {clock}. Correct what sends it and restart the serving pods.",
    )
    WATCHING = "Watching", "Watches {name}. {detail}"
    LEARNING = "Learning", "{detail}"
    DRIFTED = "Drifted", "{drifted} of {tested} inputs have drifted in the window from {start}, and {k} of the last {of} windows have: {detail}"
    NOT_DRIFTED = "NotDrifted", "The inputs look like the reference's."
    LOST_SKILL = "LostSkill", "Skill {skill} ({lower} to {upper}) is below {line} in two matured windows; the reference's is {reference}."
    SKILL_KEPT = "SkillKept", "Skill {skill} ({lower} to {upper}) is not below {line}: there is nothing that a retraining would bring back."
    SKEW_DETECTED = "SkewDetected", "Serving and offline differ: {detail} That is a bug, which a new model would have too."
    NO_SKEW = "NoSkew", "{count} logged predictions were computed again and match{features}."
    DATA_INSUFFICIENT = "DataInsufficient", "{rows} predictions between {start} and {end} are fewer than spec.window.minRows, {wanted}."
    DATA_SUFFICIENT = "DataSufficient", "{rows} predictions between {start} and {end}."
    TRIGGERED = "Triggered", "{names} fires; onTrigger.action is {action}."
    NOT_TRIGGERED = "NotTriggered", "No trigger fires."
    INCIDENT_OPENED = "IncidentOpened", "{cause}: TrainingJob {training_job} is asked for a run by request {id}."
    INCIDENT_CLOSED = "IncidentClosed", "Incident {id} ({cause}) ended as {outcome}: {detail}"
    TAKEN_BACK = "TakenBack", "{name} is blocked for Deployment {deployment}, which goes back to {predecessor}: {detail}"
    WORSE = "WorseThanPredecessor", "{name} is worse than {predecessor}: {difference}."


RAISE_MEMORY = "raise spec.template.spec.containers[0].resources.limits.memory"
"""What to do about OutOfMemory where the resource has a template."""
