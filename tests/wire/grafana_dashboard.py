"""Reads a Grafana dashboard: its queries with variables filled in, and what is wrong with it."""

import json
import re
import typing

GRID_COLUMNS = 24
# What Grafana fills in by itself. A rate interval is four scrapes at least.
BUILT_IN = {"__rate_interval"}


class Query(typing.NamedTuple):
    where: str
    expression: str  # PromQL
    labels: set  # that its legend shows


class Dashboard:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.json = json.load(file)
        self.variables = {variable["name"] for variable in self.json["templating"]["list"]}

    def panels(self):
        """Those that show something: rows left out."""
        return [panel for panel in self.json["panels"] if panel["type"] != "row"]

    def queries(self, values):
        """Of every panel, annotation and variable, $NAME replaced by values[NAME]."""
        queries = []
        for panel in self.panels():
            for target in panel["targets"]:
                queries.append(
                    Query(
                        f'{panel["title"]} {target["refId"]}',
                        fill_in(target["expr"], values),
                        set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])),
                    )
                )
        for annotation in self.json["annotations"]["list"]:
            queries.append(
                Query(
                    f'annotation {annotation["name"]}',
                    fill_in(annotation["expr"], values),
                    set(re.findall(r"\{\{(\w+)\}\}", annotation["titleFormat"])),
                )
            )
        for variable in self.json["templating"]["list"]:
            if variable["type"] == "query":
                # Grafana's function for a variable; Prometheus knows the metric in it.
                metric, label = re.fullmatch(
                    r"label_values\((.+), (\w+)\)", variable["query"]["query"]
                ).groups()
                queries.append(
                    Query(f'variable {variable["name"]}', fill_in(metric, values), {label})
                )
        return queries

    def faults(self):
        """One sentence each; none for a dashboard that Grafana shows as it is meant."""
        faults = []
        self._check_panels(faults)
        self._check_grid(faults)
        text = json.dumps(self.json["panels"]) + json.dumps(self.json["annotations"])
        used = set(re.findall(r"\$\{?(\w+)", text)) - BUILT_IN
        for name in sorted(used - self.variables):
            faults.append(f"${name} is used and not defined")
        for name in sorted(self.variables - used):
            faults.append(f"${name} is defined and not used")
        for key in ("title", "uid", "schemaVersion", "time", "refresh"):
            if not self.json.get(key):
                faults.append(f'the dashboard has no "{key}"')
        return faults

    def _check_panels(self, faults):
        titles, ids = set(), set()
        for panel in self.json["panels"]:
            name = panel.get("title") or f'panel {panel["id"]}'
            if not panel.get("title") or name in titles:
                faults.append(f"{name}: expected a title of its own")
            if panel["id"] in ids:
                faults.append(f'{name}: its id, {panel["id"]}, is another panel\'s')
            titles.add(name)
            ids.add(panel["id"])
        for panel in self.panels():
            name = panel["title"]
            if len(panel.get("description", "")) < 20:
                faults.append(f"{name}: expected a description")
            if panel["datasource"]["uid"] != "${datasource}":
                faults.append(f"{name}: expected the data source of the variable")
            if not panel["fieldConfig"]["defaults"].get("unit"):
                faults.append(f"{name}: expected a unit")
            names = [target["refId"] for target in panel["targets"]]
            if not names or len(set(names)) != len(names):
                faults.append(f"{name}: expected targets with a refId each, found {names}")

    def _check_grid(self, faults):
        taken = {}
        for panel in self.json["panels"]:
            place = panel["gridPos"]
            if place["x"] + place["w"] > GRID_COLUMNS:
                faults.append(f'{panel["title"]}: is wider than the page')
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    other = taken.setdefault((x, y), panel["title"])
                    if other != panel["title"]:
                        faults.append(f'{panel["title"]}: lies over {other}')
                        return


def fill_in(expression, values):
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match.group(1)], expression)
