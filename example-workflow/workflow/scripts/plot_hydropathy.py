"""Draw how the mean hydropathy of proteins spreads in each length class."""

import csv
import sys

import altair as alt

sys.stderr = open(snakemake.log[0], "w")
rows = []
for path in snakemake.input:
    with open(path) as table:
        for row in csv.DictReader(table, dialect="excel-tab"):
            rows.append({**row, "hydropathy": float(row["hydropathy"])})

classes = list(dict.fromkeys(row["class"] for row in rows))
chart = (
    alt.Chart(alt.Data(values=rows), title="Mean hydropathy of proteins by length class")
    .mark_boxplot(size=30)
    .encode(
        x=alt.X("class:N", title=None, sort=classes, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("hydropathy:Q", title="mean hydropathy (Kyte-Doolittle)"),
        color=alt.Color("class:N", legend=None, sort=classes),
    )
    .properties(width=400, height=300)
)
chart.save(snakemake.output[0])
