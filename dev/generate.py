"""Everything that is written from the models and never by hand: `python dev/generate.py` writes, `--check` only compares.

crds/                               the CustomResourceDefinitions, for `kubectl apply -f crds/`
charts/trimtab/templates/crds/      the same as templates, so that `helm upgrade` upgrades them
charts/trimtab/monitoring/          the alerts, as a Prometheus rules file
charts/trimtab/dashboards/          the dashboards, as Grafana imports them
"""

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "operator"), str(ROOT / "dev")]

import chart_values  # noqa: E402
import reference  # noqa: E402
from dashboards import boards, grafana, rules  # noqa: E402
from trimtab.api.crd import crd  # noqa: E402
from trimtab.api.kinds import KINDS  # noqa: E402

HEADER = "# Written by dev/generate.py from operator/trimtab/api; change it there.\n"
ALERTS_HEADER = "# A Prometheus rules file, written by dev/generate.py from dev/dashboards/rules.py; change it there.\n"
CHART = ROOT / "charts" / "trimtab"
KEEP = """\
{{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
{{- end }}
"""


def artefacts() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    values = chart_values.read((CHART / "values.yaml").read_text())
    return {
        **definitions(),
        CHART / "values.schema.json": chart_values.schema(values),
        CHART / "README.md": chart_values.readme(values),
        **{ROOT / "docs" / "reference" / name: text for name, text in reference.pages().items()},
        **observability(),
    }


def observability() -> dict[Path, str]:
    """What Prometheus and Grafana are given, and the page that says what wakes whom."""
    return {
        CHART / "monitoring" / "rules.yaml": ALERTS_HEADER + dump(rules.document()),
        ROOT / "docs" / "reference" / "alerts.md": rules.page(),
        **{CHART / "dashboards" / f"trimtab-{board.name.lower()}.json": grafana.document(board) for board in boards.BOARDS},
    }


def definitions() -> dict[Path, str]:
    found: dict[Path, str] = {}
    for kind in KINDS:
        document, name = crd(kind), f"{kind.group}_{kind.plural}.yaml"
        found[ROOT / "crds" / name] = HEADER + dump(document)
        found[CHART / "templates" / "crds" / name] = template(document)
    return found


def dump(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=Readable, sort_keys=False, width=120, allow_unicode=True)


class Readable(yaml.SafeDumper):
    """No anchors: two places with equal schemas are written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def template(document: dict[str, Any]) -> str:
    """A CRD as a chart template: switched by `crds.enabled`, kept on uninstall by `crds.keep`, its own braces escaped."""
    text = dump(document).replace("{{", "{{ `{{` }}")
    name = f"  name: {document['metadata']['name']}\n"
    return HEADER + "{{- if .Values.crds.enabled }}\n" + text.replace(name, name + KEEP, 1) + "{{- end }}\n"


def differing() -> dict[Path, str]:
    """The files that are not what the models say, with what they should be."""
    return {path: text for path, text in artefacts().items() if not path.exists() or path.read_text() != text}


def write() -> None:
    for path, text in differing().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")


def check() -> int:
    stale = differing()
    for path in stale:
        print(f"{path.relative_to(ROOT)} differs from what it is made from; run: python dev/generate.py")
    return 1 if stale else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            write()
        case ["--check"]:
            sys.exit(check())
        case _:
            sys.exit(__doc__)
