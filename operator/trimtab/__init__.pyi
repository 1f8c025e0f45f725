# What type checkers and editors see of the package: the lazily imported objects by name.

from trimtab.cli.frames import features as features
from trimtab.cli.frames import model as model
from trimtab.cli.noted import run as run
from trimtab.cli.objects import Dataset as Dataset
from trimtab.cli.objects import Deployment as Deployment
from trimtab.cli.objects import DriftMonitor as DriftMonitor
from trimtab.cli.objects import FeatureSet as FeatureSet
from trimtab.cli.objects import ModelVersion as ModelVersion
from trimtab.cli.objects import TrainingJob as TrainingJob

__version__: str
