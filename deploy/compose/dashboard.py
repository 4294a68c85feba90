"""Write Grafana's dashboard of the servers: 'make dashboard'."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as values
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

TARGET = Path(__file__).parent / "grafana/dashboards/servers.json"
_SOURCE = DataSourceRef("prometheus", "prometheus")
_OWN = "internal|log|queue_full|not_ready|too_many_connections|too_slow"
_RATE = "$__rate_interval"
_SCORED = 'route=~"infer|score"'

# A title, a unit of Grafana, a description, and each query with the name of its series.
Plot = tuple[str, str, str, list[tuple[str, str]]]

_REQUESTS: list[Plot] = [
    (
        "Requests per second",
        "reqps",
        "Requests for scores, by server and version.",
        [
            (
                f"sum by (arm, version) (rate(sluice_requests_total{{{_SCORED}}}[{_RATE}]))",
                "{{arm}} {{version}}",
            )
        ],
    ),
    (
        "Latency",
        "s",
        "From the arrival of a request's headers to its response.",
        [
            (
                f"histogram_quantile({share}, sum by (le, arm) "
                f"(rate(sluice_request_duration_seconds_bucket[{_RATE}])))",
                f"{{{{arm}}}} p{100 * share:g}",
            )
            for share in (0.5, 0.95, 0.99)
        ],
    ),
    (
        "Errors of the server per second",
        "reqps",
        "These count against the service level.",
        [
            (
                f'sum by (arm, kind) (rate(sluice_errors_total{{kind=~"{_OWN}"}}[{_RATE}]))',
                "{{arm}} {{kind}}",
            )
        ],
    ),
    (
        "Errors of clients per second",
        "reqps",
        "Requests that no server could answer, such as malformed ones.",
        [
            (
                f'sum by (arm, kind) (rate(sluice_errors_total{{kind!~"{_OWN}"}}[{_RATE}]))',
                "{{arm}} {{kind}}",
            )
        ],
    ),
    (
        "Use of the error budget",
        "percentunit",
        "The share of failed requests. Alerts: 1.44 % in 1 h and 5 m, 0.6 % in 6 h and 30 m.",
        [
            (f"sluice:own_errors:ratio_rate{window}", f"{{{{arm}}}} {window}")
            for window in ("5m", "30m", "1h", "6h")
        ],
    ),
    (
        "Servers that answer",
        "short",
        "1 if Prometheus gets an answer. The canary and its baseline are stopped most of the time.",
        [('up{job="servers"}', "{{arm}} {{instance}}")],
    ),
]
_MODEL: list[Plot] = [
    (
        "Rows scored per second",
        "short",
        "A request may have many rows.",
        [
            (
                f"sum by (arm, version) (rate(sluice_rows_total[{_RATE}]))",
                "{{arm}} {{version}}",
            )
        ],
    ),
    (
        "Decisions",
        "percentunit",
        "The share of each class among the decisions. A regression has none.",
        [
            (
                f"sum by (arm, decision) (rate(sluice_decisions_total[{_RATE}])) "
                f"/ ignoring (decision) group_left sum by (arm) "
                f"(rate(sluice_decisions_total[{_RATE}]))",
                "{{arm}} {{decision}}",
            )
        ],
    ),
    (
        "Requests with unusual scores",
        "percentunit",
        "The share of requests with a score outside the range of the package's recorded scores.",
        [
            (
                f"sum by (arm) (rate(sluice_unusual_requests_total[{_RATE}])) "
                f"/ sum by (arm) (rate(sluice_requests_total{{{_SCORED}}}[{_RATE}]))",
                "{{arm}}",
            )
        ],
    ),
]
_SCORES = f"sum by (le) (increase(sluice_score_bucket[{_RATE}]))"
_RESOURCES: list[Plot] = [
    (
        "Processors in use",
        "short",
        "CPU seconds per second, of all workers of a server.",
        [(f'rate(process_cpu_seconds_total{{job="servers"}}[{_RATE}])', "{{arm}} {{instance}}")],
    ),
    (
        "Memory",
        "bytes",
        "Resident memory of all workers of a server.",
        [('process_resident_memory_bytes{job="servers"}', "{{arm}} {{instance}}")],
    ),
    ("Workers", "short", "Running processes.", [("sluice_workers", "{{arm}} {{instance}}")]),
    (
        "Open files",
        "short",
        "Files and connections of all workers of a server.",
        [('process_open_fds{job="servers"}', "{{arm}} {{instance}}")],
    ),
    (
        "Free space for the scoring log",
        "bytes",
        "Now, and in a day at the rate of the last 6 hours. A server that cannot log refuses "
        "requests.",
        [
            ("sluice_log_free_bytes", "{{arm}} {{instance}}"),
            (
                "predict_linear(sluice_log_free_bytes[6h], 86400)",
                "{{arm}} {{instance}} in a day",
            ),
        ],
    ),
]


def build() -> str:
    """The dashboard as JSON."""
    made = (
        dashboard.Dashboard("Model servers")
        .uid("sluice-servers")
        .description("Written by 'make dashboard'; changes in Grafana are not kept.")
        .tags(["sluice"])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("utc")
    )
    for title, plots in (("Requests", _REQUESTS), ("Model", _MODEL), ("Resources", _RESOURCES)):
        made = made.with_row(dashboard.Row(title))
        for plot in plots:
            made = made.with_panel(_series(*plot))
        if title == "Model":
            made = made.with_panel(_scores())
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _series(title: str, unit: str, told: str, queries: list[tuple[str, str]]) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(title)
        .description(told)
        .datasource(_SOURCE)
        .unit(unit)
        .min(0)
        .span(8)
        .height(8)
        .line_width(1)
        .fill_opacity(10)
        .legend(
            common.VizLegendOptions()
            .display_mode(values.LegendDisplayMode.LIST)
            .placement(values.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    for at, (expression, name) in enumerate(queries):
        panel = panel.with_target(
            prometheus.Dataquery()
            .expr(expression)
            .legend_format(name)
            .ref_id(chr(ord("A") + at))
            .range()
        )
    return panel


def _scores() -> heatmap.Panel:
    query = (
        prometheus.Dataquery()
        .expr(_SCORES)
        .legend_format("{{le}}")
        .ref_id("A")
        .format(PromQueryFormat.HEATMAP)
        .range()
    )
    return (
        heatmap.Panel()
        .title("Scores")
        .description("The number of rows by score; for several classes, the highest probability.")
        .datasource(_SOURCE)
        .span(8)
        .height(8)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues"))
        .with_target(query)
    )


if __name__ == "__main__":
    TARGET.write_text(build(), "utf-8")
    print(f"dashboard: {TARGET}")
